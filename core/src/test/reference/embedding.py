"""The mean of the last hidden states of some texts, by transformers in float64: golden/llama/grouped-tied/embedding.json.

Tried with Python 3.11, torch 2.15.0, transformers 5.24.0.
"""
import json, pathlib, torch, transformers

folder = pathlib.Path(__file__).parents[1] / 'resources/golden/llama/grouped-tied'
tokenizer = transformers.AutoTokenizer.from_pretrained(folder / 'model')
model = transformers.AutoModelForCausalLM.from_pretrained(folder / 'model', dtype=torch.float64)
rows = []
for text in ['pump 3', 'The pump leaks. Team:', 'a']:
    ids = tokenizer(text, return_tensors='pt').input_ids
    with torch.no_grad():
        hidden = model.model(ids).last_hidden_state[0]
    rows.append(dict(text=text, ids=ids[0].tolist(), mean=[round(v, 9) for v in hidden.mean(0).tolist()]))
(folder / 'embedding.json').write_text(json.dumps(rows) + '\n')
