"""The desktop: a page on the user's own machine, built on the public Python API and child processes of the command.

server        serves the page until it is told to end
routes        the addresses of the page: its files, pictures, uploads, models, try-outs
batch_routes  the addresses of batches
requests      what the page may ask, and the form of the answers
guard         refuses requests that do not come from the page: host, origin, session, content type
sessions      the one-time launch token, the password, and who is logged in
launching     the file by which a browser opens the page, so that no command line shows the token
desk          everything that one server holds
roots         the folders that were opened; nothing outside them is read or written
inbox         pictures that were dropped on the page, in the user's data folder
thumbnails    small versions of pictures, cached
model_cards   what the page says of each model; adding models of the index
translation   what the page lets a user choose, as the pipeline that the command would run
batch_store   order and pipelines of the batches, in a small database
batch_queue   runs the batches one after another; pause, cancel, resume
run_process   one run of a pipeline in a child process, and its events
surveys       what is done of a batch, as the ledger of its output folder knows
archive       outputs as a zip file that is streamed
try_outs      crops through models in one warm process
worker        the program of that process
commands      the command lines of the child processes
shortcut      an entry in the system's menu
static/       the page: scripts, styles and texts
samples/      pictures for a first try
"""
