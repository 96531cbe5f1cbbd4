"""Writes golden/cache.json: the cache that huggingface_hub 2.4.0 makes of a small repository, file by file.

usage: python cache.py CHECKS  (CHECKS: the folder of the server hub.py, ../shared/checks; huggingface_hub 2.4.0)
"""
import hashlib, json, os, sys, tempfile
sys.path.insert(0, sys.argv[1]); import hub as H
FILES = {'config.json': b'{"model_type": "llama"}', 'README.md': b'---\nlicense: apache-2.0\n---\n# tiny\n', 'model.safetensors': bytes(range(256)) * 100, 'additional_chat_templates/tool.jinja': b'{{ x }}', 'tokenizer.json': b'{}'}
hub = H.Hub(); r = hub.repos['org/tiny'] = H.Repo(); commit = r.commit(FILES, 'main', 'refs/pr/1'); home = tempfile.mkdtemp()
for rev in (None, 'refs/pr/1'):
    rc, out, err = H.real_client(hub, home, 'org/tiny', rev); assert rc == 0, err
root = f'{home}/cache'; out = {}
for p, ds, fs in os.walk(root):
    ds[:] = [d for d in ds if d != '.locks']
    for f in fs: q = os.path.join(p, f); out[os.path.relpath(q, root)] = ['link', os.readlink(q)] if os.path.islink(q) else ['json', json.load(open(q))] if '/trees/' in q else ['file', hashlib.sha256(open(q, 'rb').read()).hexdigest()]
out.pop('CACHEDIR.TAG', None)
here = os.path.dirname(os.path.abspath(__file__)); json.dump(dict(commit=commit, cache=dict(sorted(out.items()))), open(f'{here}/../resources/golden/cache.json', 'w'), indent=1); print(commit, len(out))
