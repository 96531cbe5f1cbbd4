"""Writes golden/publish.json: what huggingface_hub 2.4.0 sends to publish a folder of two small files and a large one.

usage: python publish.py  (huggingface_hub 2.4.0; a server of this script answers on 127.0.0.1)
"""
import base64, hashlib, json, os, tempfile, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
os.environ.update(HF_HUB_DISABLE_XET='1', HF_HUB_DISABLE_TELEMETRY='1', HF_HUB_DISABLE_PROGRESS_BARS='1', HF_TOKEN='hf_secret')
log = []
class H(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *a): pass
    def do_POST(self): self.answer()
    def do_PUT(self): self.answer()
    def do_GET(self): self.answer()
    def answer(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0)); text = body.decode('latin-1'); path = self.path.split('?')[0]
        if self.command != 'GET': log.append(dict(method=self.command, path=path, type=(self.headers.get('Content-Type') or '').split(';')[0], accept=self.headers.get('Accept') if 'lfs' in path else None, authorized='Authorization' in self.headers, body=[json.loads(l) for l in text.splitlines()] if path.endswith(('/main', '/create', '/batch', '/verify')) else base64.b64encode(body).decode()))
        out = {}
        if path.endswith('/create'): out = dict(url=url + '/org/made', id='1', name='org/made')
        if '/preupload/' in path: out = dict(files=[dict(path=f['path'], uploadMode='lfs' if f['path'].endswith('safetensors') else 'regular', shouldIgnore=False, oid=None) for f in json.loads(text)['files']])
        if path.endswith('/batch'): out = dict(transfer='basic', objects=[dict(o, actions=dict(upload=dict(href=url + '/store/' + o['oid'] + '?Signature=x'), verify=dict(href=url + '/org/made/verify'))) for o in json.loads(text)['objects']])
        if '/commit/' in path: out = dict(success=True, commitOid='c' * 40, commitUrl=url + '/org/made/commit/' + 'c' * 40, hookOutput='')
        if path.startswith('/api/models/') and self.command == 'GET': out = dict(sha='a' * 40, id='org/made', siblings=[], private=False, downloads=0, likes=0, tags=[])
        data = json.dumps(out).encode(); self.send_response(200); self.send_header('Content-Type', 'application/json'); self.send_header('Content-Length', str(len(data))); self.end_headers(); self.wfile.write(data)
server = ThreadingHTTPServer(('127.0.0.1', 0), H); url = f'http://127.0.0.1:{server.server_port}'; threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ['HF_ENDPOINT'] = url
import huggingface_hub as h
api = h.HfApi(endpoint=url, token='hf_secret'); d = tempfile.mkdtemp()
files = {'README.md': b'# made\n', 'adapter_config.json': b'{"r": 4}', 'adapter_model.safetensors': bytes(range(256)) * 4}
for f, b in files.items(): open(f'{d}/{f}', 'wb').write(b)
api.create_repo('org/made', private=True, exist_ok=True)
api.create_commit('org/made', [h.CommitOperationAdd(f, f'{d}/{f}') for f in files], commit_message='made by nudge')
here = os.path.dirname(os.path.abspath(__file__))
json.dump(json.loads(json.dumps(log).replace(url, 'URL')), open(f'{here}/../resources/golden/publish.json', 'w'), indent=1)
print(h.__version__, [(l['method'], l['path']) for l in log])
