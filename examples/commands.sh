#!/bin/sh
# The commands that README.md and docs/ show: blocks there are cut from here.
#
# The tests run this file from top to bottom (ExampleCommandsTest) in a folder that they fill: MODEL is a tiny Llama, the
# .jsonl files hold a few rows; the model of the hub is a tiny Llama too, in a cache of the test. To run it yourself, start it where you have such a folder and such files.
set -eu

# --- install
./nudge quickstart # the main job on the model that ships here: score, train, score again, merge
./nudge doctor     # what this machine has for training, what is missing and what that costs
./nudge install    # a link in ~/.local/bin, so that `nudge` works everywhere

# --- four bits
./nudge train    --model HuggingFaceTB/SmolLM2-135M-Instruct --data rows.jsonl --rank 16 --quantize nf4 --out adapters/support
./nudge generate --model HuggingFaceTB/SmolLM2-135M-Instruct --adapter adapters/support --quantize nf4 --prompt 'The pump leaks. Team:'

# --- to contribute
mvn verify            # the tests

# --- before a run
./nudge train --model MODEL --data rows.jsonl --out adapters/pumps --dry-run

# --- rows of any columns
./nudge train --model MODEL --data messages.jsonl --eval-data held-out.jsonl \
    --prompt 'Query: {text}\nIntent:' --completion ' {label}' --out adapters/intents
./nudge score --model MODEL --adapter adapters/intents --data held-out.jsonl \
    --prompt 'Query: {text}\nIntent:' --completion ' {label}'
./nudge generate --model MODEL --adapter adapters/intents --data held-out.jsonl \
    --prompt 'Query: {text}\nIntent:' --max-tokens 24 > answers.jsonl

# --- an evaluation on rows of your own
./nudge data split --data tickets.jsonl --test 0.2:customer_id --out tickets
./nudge train --model MODEL --data tickets/train.jsonl --eval-split 0.1:customer_id \
    --prompt 'Ticket: {text}\nTeam:' --completion ' {team}' --out adapters/tickets
./nudge eval --model MODEL --adapter adapters/tickets --tasks examples/tickets.yaml --data-dir tickets \
    --train-data tickets/train.jsonl --out reports/tickets

# --- the road: another adapter, teams-2, comes by the way
./nudge train --model MODEL --data tickets/train.jsonl --rank 8 \
    --prompt 'Ticket: {text}\nTeam:' --completion ' {team}' --out adapters/teams-2
rm -r tickets # the split above, by customer

./nudge data split --data tickets.jsonl --test 0.3 --out tickets
./nudge train --model MODEL --data tickets/train.jsonl --epochs 6 \
    --prompt 'Ticket: {text}\nTeam:' --completion ' {team}' --out adapters/teams
./nudge score --model MODEL --adapter adapters/teams --data tickets/test.jsonl
./nudge eval --model MODEL --adapter adapters/teams --tasks examples/tickets.yaml --data-dir tickets \
    --policy examples/tickets-policy.yaml --out reports/teams
./nudge adapters push teams adapters/teams --alias champion --report reports/teams/gate.json
./nudge serve --model MODEL --adapter teams=teams@champion &

trap 'kill $!' EXIT
curl -s --retry 100 --retry-connrefused --retry-delay 1 http://127.0.0.1:8080/health # until it answers

curl http://127.0.0.1:8080/v1/completions -H 'Content-Type: application/json' \
    -d '{"model": "teams", "prompt": "Ticket: Parcel 81 is late\nTeam:", "temperature": 0, "max_tokens": 8}'
./nudge adapters push teams adapters/teams-2 --alias champion --why 'more rows'
./nudge adapters rollback teams@champion --why 'returns went to billing'

trap - EXIT
kill $!
wait $! || test $? = 143 # ended by the signal, as it should

# --- what a data set holds
./nudge data stats --data texts.jsonl --eval-data held-out.jsonl

# --- conversations
./nudge train --model MODEL --data chats.jsonl --template chatml --eval-split 0.1 --out adapters/chats
./nudge train --config examples/llama3.yaml --model MODEL --data chats.jsonl --template llama3 --out adapters/llama3
./nudge train --config examples/qwen.yaml --model MODEL --data chats.jsonl --template chatml --out adapters/qwen

# --- while you wait
./nudge train --model MODEL --data messages.jsonl --eval-data held-out.jsonl \
    --prompt 'Query: {text}\nIntent:' --completion ' {label}' --patience 3 --samples 2 \
    --on-divergence stop --on-event 'cat >> told.jsonl' --out adapters/watched

# --- settings in a file
./nudge train --config run.yaml --rank 8

# --- new tokens, and modules that are trained whole
./nudge train --model MODEL --data rows.jsonl --add-tokens tokens.txt --modules-to-save norm --out adapters/tokens
./nudge merge --model MODEL --adapter adapters/tokens --out MODEL-tokens

# --- what people prefer, and a model that says how much
./nudge train --model MODEL --data pairs.jsonl --objective dpo --init-adapter adapters/teams --eval-split 0.1 --out adapters/liked
./nudge train --model MODEL --data labelled.jsonl --objective kto --out adapters/rated
./nudge train --model MODEL --data pairs.jsonl --objective reward --out adapters/judge
./nudge score --model MODEL --adapter adapters/judge --data rows.jsonl

# --- rewards of completions
./nudge train --model MODEL --data prompts.jsonl --objective grpo --reward 'exact:{answer}' --reward length:8=0.2 \
    --generations 4 --max-completion 8 --out adapters/practised
./nudge train --model MODEL --data groups.jsonl --objective grpo --out adapters/rewarded

# --- what the base knew
./nudge train --model MODEL --data rows.jsonl --replay default --out adapters/kept
./nudge train --model MODEL --data rows.jsonl --replay default --replay general.jsonl --replay-weight 2 --out adapters/kept-more

# --- all weights
./nudge train --model MODEL --data texts.jsonl --method full --freeze embed_tokens --out models/mine

# --- a conversation
./nudge chat --model MODEL --template chatml --adapter support=adapters/support --system 'Answer in one sentence.' --max-tokens 60 < questions.txt

# --- one folder of base and adapter
./nudge merge --model MODEL --adapter adapters/support --out MODEL-support
./nudge export --model MODEL --adapter adapters/support --type q4_k --out gguf/support.gguf

# --- four bits on disk
./nudge quantize --model MODEL --out MODEL-nf4

# --- runs and their curves
./nudge runs list --sort held-out
./nudge runs list --where state=finished --where rank=16
./nudge runs show adapters/intents
./nudge runs compare adapters/support adapters/intents --svg compared.svg
./nudge runs plot adapters/intents --out intents.svg
./nudge runs export adapters/intents --format tensorboard --out logs
./nudge runs rm adapters/from-file --yes

# --- versions of adapters
./nudge adapters push support adapters/support --alias champion --why 'the first one'
./nudge adapters push support adapters/intents --why 'knows intents too'
./nudge adapters list
./nudge adapters inspect support@champion --model MODEL
./nudge adapters diff support:1 support:2 --model MODEL
./nudge adapters alias support@champion 2 --expect 1 --why 'better on held-out rows'
./nudge generate --model MODEL --adapter support@champion --prompt 'The pump leaks. Team:'
./nudge adapters rollback support@champion --why 'answers are too long'
./nudge adapters log support@champion
./nudge adapters combine support:1 support:2 --weight 0.7 --weight 0.3 --rank 16 --out adapters/both
./nudge adapters publish support@champion support.tar
./nudge adapters pull copied support.tar

# --- rows as the model sees them
./nudge data preview --model MODEL --data messages.jsonl --prompt 'Query: {text}\nIntent:' --completion ' {label}' --html preview.html

# --- what a run needs
./nudge plan --model 7B --memory 16G --quantize nf4 --max-length 512 --batch-size 1 --price-per-hour 1.20 --tokens 2000000

# --- a model from nothing
./nudge init --config small.json --tokenizer-data texts.jsonl --vocab-size 2048 --out fresh
