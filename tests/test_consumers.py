"""The programs of docs/consumers, which run exported models without this toolkit."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
CONSUMERS = ROOT / "docs" / "consumers"
ORT_WEB = os.environ.get("IMG2IMGKIT_ORT_WEB", "")  # the folder of npm's onnxruntime-web
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHECK = """<!doctype html><meta charset="utf-8">
<input id="file"><p id="status"></p><canvas id="result"></canvas><p id="said"></p>
<script type="module">
  import { levelsOf, translate } from "./translate.mjs";
  const said = document.getElementById("said");
  const pixels = async (name) => levelsOf(await (await fetch(name)).blob());
  try {
    const [made, wanted] = [await translate(await pixels("source.png")), await pixels("wanted.png")];
    let most = 0;
    for (let i = 0; i < wanted.data.length; i++) most = Math.max(most, Math.abs(wanted.data[i] - made.data[i]));
    said.textContent = `${made.width}x${made.height} differs by ${most}`;
  } catch (error) { said.textContent = `failed: ${error.stack}`; }
</script>"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A picture, what the bundle makes of it, and the bundle exported for the consumers."""
    folder = tmp_path_factory.mktemp("shipped")
    random = np.random.default_rng(0)
    low = random.integers(0, 256, (9, 13, 3)).astype(np.uint8)
    (folder / "in").mkdir()
    Image.fromarray(low).resize((37, 25), Image.Resampling.BICUBIC).save(folder / "in" / "source.png")
    steps = [
        {"uses": "read", "with": {"folder": "in"}},
        {"uses": "translate", "with": {"bundle": "sr-compact-x2"}},
        {"uses": "write", "with": {"folder": "out", "name": "wanted"}},
    ]
    (folder / "enlarge.yaml").write_text(json.dumps({"name": "enlarge", "steps": steps}))
    img2img(folder, "run", "enlarge.yaml")
    for form, out in (("onnx", "model.onnx"), ("saved-model", "served")):
        img2img(folder, "export", "sr-compact-x2", "--format", form, "--image-io", "uint8", "--out", out)
    return folder


def img2img(folder, *arguments):
    ended = subprocess.run(
        [sys.executable, "-m", "img2imgkit.cli", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def run(script, *arguments):
    words = [sys.executable, CONSUMERS / script, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def consume(script, *arguments):
    ended = run(script, *arguments)
    assert ended.returncode == 0, ended.stderr


def levels(path):
    return np.asarray(Image.open(path)).astype(int)


@contextmanager
def serving(handler):
    with ThreadingHTTPServer(("localhost", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_address[1]}"
        server.shutdown()


def test_onnxruntime_in_python_makes_what_the_bundle_makes(place):
    consume("onnx_picture.py", place / "model.onnx", place / "in" / "source.png", place / "made.png")
    assert np.abs(levels(place / "made.png") - levels(place / "out" / "wanted.png")).max() <= 1


def test_ncnn_in_python_makes_what_the_bundle_makes(place, tmp_path):
    img2img(place, "export", "sr-compact-x2", "--format", "ncnn", "--out", tmp_path / "models")
    consume("ncnn_picture.py", tmp_path / "models", place / "in" / "source.png", place / "made.png")
    assert np.abs(levels(place / "made.png") - levels(place / "out" / "wanted.png")).max() <= 1
    picture = Image.open(place / "in" / "source.png").convert("RGBA")
    picture.putalpha(100)
    picture.save(tmp_path / "clear.png")
    consume("ncnn_picture.py", tmp_path / "models", tmp_path / "clear.png", place / "made.png")
    assert np.abs(levels(place / "made.png")[..., :3] - levels(place / "out" / "wanted.png")).max() <= 1
    assert (levels(place / "made.png")[..., 3] == 100).all()
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(tmp_path / "deep.png")
    ended = run("ncnn_picture.py", tmp_path / "models", tmp_path / "deep.png", place / "made.png")
    assert (ended.returncode, "more than 8 bits" in ended.stderr) == (1, True)


def test_a_model_of_a_fixed_size_takes_smaller_pictures(place, tmp_path):
    img2img(
        place, "export", "sr-compact-x2", "--format", "onnx", "--image-io", "uint8", "--size", "40x48", "--out",
        tmp_path / "fixed.onnx",
    )  # fmt: skip
    consume("onnx_picture.py", tmp_path / "fixed.onnx", place / "in" / "source.png", place / "made.png")
    made, wanted = levels(place / "made.png"), levels(place / "out" / "wanted.png")
    assert made.shape == wanted.shape
    assert np.abs(made - wanted)[:-20, :-20].max() <= 1  # the padding reaches the rest
    Image.new("RGB", (49, 40)).save(tmp_path / "large.png")
    ended = run("onnx_picture.py", tmp_path / "fixed.onnx", tmp_path / "large.png", tmp_path / "made.png")
    assert ended.returncode == 1
    assert "49x40 pixels: the model was exported for at most 48x40" in ended.stderr


def test_16_bits_and_transparency_are_kept_as_they_look(place, tmp_path):
    ramp = np.linspace(2000, 60000, 30 * 40).reshape(30, 40)
    Image.fromarray(ramp.astype(np.uint16)).save(tmp_path / "deep.png")
    consume("onnx_picture.py", place / "model.onnx", tmp_path / "deep.png", tmp_path / "made.png")
    assert abs(levels(tmp_path / "made.png").mean() - ramp.mean() / 257) < 1.5
    visible = Image.new("RGBA", (40, 30), (200, 100, 50, 128))
    visible.save(tmp_path / "visible.png")
    consume("onnx_picture.py", place / "model.onnx", tmp_path / "visible.png", tmp_path / "made.png")
    assert levels(tmp_path / "made.png").shape == (60, 80, 4)
    assert (levels(tmp_path / "made.png")[..., 3] == 128).all()
    Image.fromarray(ramp.astype(np.float32)).save(tmp_path / "float.tif")
    for script, model in (("onnx_picture.py", place / "model.onnx"), ("serving_request.py", "http://localhost:1")):
        assert "neither 8 nor 16 bits" in run(script, model, tmp_path / "float.tif", tmp_path / "x.png").stderr
    refused = run("serving_request.py", "http://localhost:1", tmp_path / "visible.png", tmp_path / "x.png")
    assert "has transparency" in refused.stderr


def test_a_request_over_rest_gives_what_the_bundle_makes(place):
    """Against the documented form of TensorFlow Serving's predict requests, answered by the SavedModel itself."""
    import tensorflow as tf

    signatures = tf.saved_model.load(str(place / "served")).signatures
    asked = []

    class Predict(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(self.path)
            signature = signatures[body.get("signature_name", "serving_default")]
            specs = signature.structured_input_signature[1]
            inputs = {name: tf.constant(body["inputs"][name], specs[name].dtype) for name in specs}
            outputs = {name: tensor.numpy().tolist() for name, tensor in signature(**inputs).items()}
            answer = json.dumps({"outputs": outputs if len(outputs) > 1 else outputs.popitem()[1]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            """Nothing on the terminal."""

    with serving(Predict) as address:
        consume(
            "serving_request.py", f"{address}/v1/models/enlarge", place / "in" / "source.png", place / "answered.png"
        )
    assert asked == ["/v1/models/enlarge:predict"]
    assert np.abs(levels(place / "answered.png") - levels(place / "out" / "wanted.png")).max() <= 1


@pytest.mark.skipif(not ORT_WEB, reason="IMG2IMGKIT_ORT_WEB names no folder of npm's onnxruntime-web")
@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")
def test_a_page_makes_what_the_bundle_makes(place, tmp_path):
    site = shutil.copytree(CONSUMERS / "web", tmp_path / "site")
    (site / "node_modules").mkdir()
    (site / "node_modules" / "onnxruntime-web").symlink_to(Path(ORT_WEB).absolute())
    (site / "check.html").write_text(CHECK)
    for source, name in (("model.onnx",) * 2, ("in/source.png", "source.png"), ("out/wanted.png", "wanted.png")):
        shutil.copy(place / source, site / name)

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=site)

        def log_message(self, *_):
            """Nothing on the terminal."""

    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}"]
    with serving(Quiet) as address:
        ended = subprocess.run(
            [CHROMIUM, *flags, "--virtual-time-budget=60000", "--dump-dom", f"{address}/check.html"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    found = re.search(r'id="said">(.*?)<', ended.stdout)
    assert found, ended.stderr
    assert found[1] in ("74x50 differs by 0", "74x50 differs by 1")
