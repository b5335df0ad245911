from img2imgkit import backend

backend.load()
backend.split_cpu()  # check_task proves that two devices train as one does
