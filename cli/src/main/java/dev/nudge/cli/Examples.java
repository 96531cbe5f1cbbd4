package dev.nudge.cli;

import dev.nudge.cli.console.Verb;
import java.util.List;

/// Command lines that the help of each verb shows.
///
/// They use the names of `examples/commands.sh`: `MODEL` is a model's folder.
public final class Examples {
  private static final String ALL =
      """
      nudge quickstart
      nudge quickstart --model MODEL --keep demo
      nudge train --model HuggingFaceTB/SmolLM2-135M-Instruct --data rows.jsonl --out adapters/first
      nudge train --model MODEL --data rows.jsonl --quantize nf4 --out adapters/support
      nudge train --model MODEL --data messages.jsonl --eval-split 0.1 --epochs 3 \\
          --prompt 'Query: {text}\\nIntent:' --completion ' {label}' --out adapters/intents
      nudge sweep sweep.yaml --out sweeps/support
      nudge sweep sweep.yaml --out sweeps/support --resume --push support@candidate
      nudge plan --model 7B --quantize nf4 --max-length 512 --memory 16G --tokens 2000000
      nudge plan --model MODEL --data rows.jsonl --price-per-hour 1.20
      nudge spark --print --ranks 4 --model MODEL --data rows.jsonl --out adapters/four
      nudge spark --print --master yarn --model MODEL --data rows.jsonl --memory 64G --out adapters/two
      nudge plan --model Qwen/Qwen3-0.6B --quantize nf4 --max-length 1024
      nudge init --config small.json --out fresh
      nudge init --config small.json --tokenizer-data texts.jsonl --vocab-size 2048 --out fresh
      nudge data stats --data rows.jsonl
      nudge data stats --data rows.jsonl --eval-data held-out.jsonl --model MODEL
      nudge data preview --model MODEL --data rows.jsonl
      nudge data preview --model MODEL --data chats.jsonl --template chatml --html preview.html
      nudge data split --data tickets.jsonl --test 0.2 --out tickets
      nudge data split --data tickets.jsonl --test 0.2:customer_id --out tickets --overwrite
      nudge data from-feedback captured --out feedback
      nudge data from-feedback captured --adapter support --out feedback --overwrite
      nudge runs list
      nudge runs list --where state=finished --where rank=16 --sort held-out
      nudge runs show adapters/support
      nudge runs show adapters/support --json
      nudge runs compare adapters/support adapters/intents
      nudge runs compare adapters/support adapters/intents --svg compared.svg
      nudge runs plot adapters/support --out support.svg
      nudge runs plot adapters/support adapters/intents --out both.svg
      nudge runs export adapters/support --format tensorboard --out logs
      nudge runs export adapters/support --format csv --out tables
      nudge runs rm adapters/old --yes
      nudge runs rm old older --runs archive --yes
      nudge runs queue a.yaml b.yaml
      nudge runs queue a.yaml b.yaml --memory 16G --threads 8
      nudge generate --model MODEL --adapter adapters/support --prompt 'The pump leaks. Team:'
      nudge generate --model MODEL --adapter support@champion --data held-out.jsonl --max-tokens 24
      nudge chat --model MODEL
      nudge chat --model MODEL --template chatml --adapter support=adapters/support
      nudge serve --model MODEL --adapter support=adapters/support
      nudge serve --model MODEL --adapter support=support@champion --api-keys keys.json --port 9000
      nudge serve --model MODEL --adapter support=support@champion --capture captured
      nudge keys add shop --api-keys keys.json
      nudge keys add acme --api-keys keys.json --adapter support --default-adapter support
      nudge score --model MODEL --adapter adapters/support --data held-out.jsonl
      nudge score --model MODEL --adapter adapters/support --data held-out.jsonl --show wrong
      nudge eval --model MODEL --adapter adapters/tickets --tasks examples/tickets.yaml \\
          --data-dir tickets --out reports/tickets
      nudge eval --model MODEL --adapter adapters/tickets --tasks examples/tickets.yaml \\
          --data-dir tickets --policy policy.yaml --out reports/gate
      nudge merge --model MODEL --adapter adapters/support --out MODEL-support
      nudge merge --model MODEL --adapter adapters/support --scale 0.5 --out MODEL-half
      nudge quantize --model MODEL --out MODEL-nf4
      nudge quantize --model MODEL --no-double-quant --out MODEL-nf4 --overwrite
      nudge release --model MODEL --adapter adapters/support --data held-out.jsonl --out MODEL-release
      nudge release --model MODEL --adapter support@champion --data held-out.jsonl --to nf4 \\
          --out MODEL-release --tolerance 0.05
      nudge export --model MODEL --adapter adapters/support --type q4_k --out gguf/support.gguf
      nudge export --model MODEL --adapter adapters/support --adapter-only --out gguf/lora.gguf
      nudge adapters push support adapters/support --alias champion
      nudge adapters push support adapters/intents --why 'knows intents too'
      nudge models list
      nudge models list --json
      nudge models pull HuggingFaceTB/SmolLM2-135M-Instruct
      nudge models pull Qwen/Qwen3-0.6B@main Qwen/Qwen3-1.7B
      nudge models show Qwen/Qwen3-0.6B
      nudge models show Qwen/Qwen3-0.6B --json
      nudge models verify Qwen/Qwen3-0.6B
      nudge models verify Qwen/Qwen3-0.6B --offline
      nudge models rm Qwen/Qwen3-0.6B --yes
      nudge models rm Qwen/Qwen3-0.6B@refs/pr/1 --yes
      nudge adapters list
      nudge adapters list --registry team/registry
      nudge adapters show support
      nudge adapters show support@champion
      nudge adapters alias support@champion 2 --why 'better on held-out rows'
      nudge adapters alias support@canary 2 --expect none
      nudge adapters rollback support@champion
      nudge adapters rollback support@champion --expect 2 --why 'answers are too long'
      nudge adapters protect support@champion --policy policy.yaml
      nudge adapters protect support@champion --off --why 'the gate asks the wrong rows'
      nudge adapters state support:2 validated --report reports/gate/gate.json
      nudge adapters state support:2 blocked --why 'tells of other customers'
      nudge adapters log
      nudge adapters log support@champion
      nudge adapters inspect adapters/support
      nudge adapters inspect support@champion --model MODEL
      nudge adapters diff support:1 support:2
      nudge adapters diff support:1 support:2 --model MODEL
      nudge adapters combine support:1 support:2 --out adapters/both
      nudge adapters combine support:1 support:2 --weight 0.7 --weight 0.3 --rank 16 --out adapters/mix
      nudge adapters export support@champion --out exported
      nudge adapters export support:2 --out exported --overwrite
      nudge adapters rm support:1 --yes
      nudge adapters rm support --yes --why 'nobody asks it'
      nudge adapters gc
      nudge adapters gc --registry team/registry
      nudge adapters pull copied support.tar
      nudge adapters pull copied team/images --tag stable
      nudge adapters publish support@champion support.tar
      nudge adapters publish support:2 team/images --tag stable
      nudge adapters publish support@champion hf:org/support
      nudge experiments create tone --server http://127.0.0.1:8080 \\
          --arm A=support@champion --arm B=support@canary
      nudge experiments create careful --server http://127.0.0.1:8080 --mode canary \\
          --arm A=support@champion --arm B=support@canary --metric error-rate
      nudge experiments list --server http://127.0.0.1:8080
      nudge experiments list --store experiments
      nudge experiments show tone --server http://127.0.0.1:8080
      nudge experiments show tone --store experiments --json
      nudge experiments stop tone --arm B --server http://127.0.0.1:8080
      nudge experiments stop tone --reason 'no difference' --server http://127.0.0.1:8080
      nudge doctor
      nudge doctor --json
      nudge install
      nudge install duckdb
      nudge completion --shell bash
      nudge completion --shell zsh
      """;

  private static final List<String> EACH = List.of(ALL.strip().split("\n(?=nudge )"));

  private Examples() {}

  /// Lists the examples of a verb; an example may have several lines, as in a shell.
  public static List<String> of(Verb<?> verb) {
    String start = "nudge " + verb.name() + " ";
    return EACH.stream().filter(line -> (line + " ").startsWith(start)).toList();
  }
}
