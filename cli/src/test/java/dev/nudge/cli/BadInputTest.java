package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.cli.adapters.MergeVerb;
import dev.nudge.cli.train.TrainVerb;
import dev.nudge.format.Claim;
import dev.nudge.format.Sha256;
import dev.nudge.identity.Identity;
import dev.nudge.plan.KnownModels;
import dev.nudge.registry.Alias;
import dev.nudge.registry.MadeAdapters;
import dev.nudge.registry.Note;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.tensor.Ledger;
import dev.nudge.text.chat.ChatTemplate;
import dev.nudge.train.events.TrainEvent;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Holds what a user reads after a mistake with the real verbs: one row a mistake, each with its
/// one line and exit code 2; nothing on standard output, nothing written. A mistake of `train` is
/// the same with `--dry-run`.
class BadInputTest {

  /// What goes wrong in a folder before the command runs.
  interface Spoiling {
    void spoil(Place place) throws IOException;
  }

  /// @param line without the leading `nudge: `; rows of bad data stand under it
  record Mistake(String name, Spoiling spoiling, String[] flags, String line) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static final String FAMILIES =
      "llama, mistral, qwen2, qwen3, smollm3, phi3, gemma2, gemma3_text, gemma3, granite, olmo2,"
          + " olmo3, exaone4, seed_oss, qwen3_moe, qwen2_moe, mixtral, olmoe, granitemoe,"
          + " gpt_oss";

  private static final String EVAL = "--eval-data D/rows.jsonl ";

  private static final String PROCESSORS =
      "unknown flag %s for train; nudge computes on the processors of this machine; leave it out";

  @TempDir Path folder;

  /// Makes the model one with experts.
  private static Place experts(Place p) throws IOException {
    return p.copy(Goldens.FOLDER.resolve("families/qwen3-moe/model"), "model");
  }

  private static final String NOT_ON_EXPERTS =
      " does not go with adapters on experts or routers: PEFT loads no such adapter; leave it out,"
          + " or give --targets of attention alone";

  /// A mistake with a model of experts, of few tokens.
  private static Mistake ofExperts(String model, String flags, String said) {
    return row(
        model + " " + flags,
        p -> {
          p.copy(Goldens.FOLDER.resolve(model), "model");
          p.write("rows.jsonl", "{\"prompt\": \"AB:\", \"completion\": \"CD\"}\n".repeat(3));
        },
        flags,
        said);
  }

  static Stream<Mistake> model() {
    return mistakes(
        """
        --model D/none
          D/none: no such model folder
        --model hf:SmolLM2-135M
          'hf:SmolLM2-135M' is no name on the hub; it must be org/name, org/name@REVISION or
            hf:datasets/org/name/FILE
        --model hf:datasets/org/rows/a.jsonl
          'hf:datasets/org/rows/a.jsonl' is data; a model or an adapter is org/name
        --model D/rows.jsonl
          D/rows.jsonl: is a file; a model folder with config.json, or a GGUF file is needed
        model/config.json: "silu" => "gelu"
          D/model/config.json: hidden_act "gelu" is not supported; supported: silu
        model/config.json: "num_hidden_layers": 2 => "num_hidden_layers": 3
          D/model has no tensor model.layers.2.input_layernorm.weight, which its config.json calls
            for
        model/config.json: "intermediate_size": 72 => "intermediate_size": 80
          D/model/model.safetensors: model.layers.0.mlp.gate_proj.weight is [72, 32], config.json
            says [80, 32]
        model/tokenizer_config.json: "eos_token" => "other_token"
        model/config.json: "eos_token_id": 1 => "eos_token_id": null
          D/model names no end token; set eos_token in tokenizer_config.json or eos_token_id in
            config.json
        """,
        row(
            "a GGUF file that is cut off",
            p -> {
              p.copy(Goldens.FOLDER.resolve("gguf/mixed"), "gguf");
              cut(p.path("gguf/qwen2-tied.gguf"), 20_000);
            },
            "--model D/gguf/qwen2-tied.gguf",
            "D/gguf/qwen2-tied.gguf: tensor \"blk.0.ffn_norm.weight\" of 256 bytes is at offset"
                + " 17024, beyond the end of the file; it is cut off, or was changed"),
        row(
            "a GGUF file that is no model that is known",
            p -> {
              p.copy(Goldens.FOLDER.resolve("gguf/mixed"), "gguf");
              gguf(p.path("gguf/qwen2-tied.gguf"), "qwen2", "mamba");
            },
            "--model D/gguf/qwen2-tied.gguf",
            "D/gguf/qwen2-tied.gguf: general.architecture \"mamba\" is not supported; supported:"
                + " llama, qwen2, smollm3, granite, olmo2, qwen3, gemma2, gemma3, phi3"),
        row(
            "a GGUF file whose words are cut in an unknown way",
            p -> {
              p.copy(Goldens.FOLDER.resolve("gguf/mixed"), "gguf");
              gguf(p.path("gguf/qwen2-tied.gguf"), "gpt-2", "words");
            },
            "--model D/gguf/qwen2-tied.gguf",
            "D/gguf/qwen2-tied.gguf: tokenizer.ggml.pre \"words\" is not supported; how words are"
                + " cut would be a guess; supported: command-r, dbrx, deepseek-r1-qwen, gpt-2,"
                + " llama-bpe, llama-v3, llama3, mpt, olmo, phi-2, qwen2, refact, smaug-bpe,"
                + " smollm, starcoder, tekken"),
        row(
            "all weights of a GGUF file",
            p -> p.copy(Goldens.FOLDER.resolve("gguf/mixed"), "gguf"),
            "--model D/gguf/qwen2-tied.gguf --method full",
            "--method full: the weights in D/gguf/qwen2-tied.gguf are stored in gguf, which cannot"
                + " be trained; give a folder with dense weights, or leave --method out to train an"
                + " adapter"),
        row(
            "a folder of GGUF files",
            p -> p.copy(Goldens.FOLDER.resolve("gguf/split"), "gguf"),
            "--model D/gguf",
            "D/gguf: holds no config.json; it holds GGUF files; give one, such as --model"
                + " D/gguf/llama-llama3-00001-of-00003.gguf"),
        row(
            "a later part of a split GGUF file",
            p -> p.copy(Goldens.FOLDER.resolve("gguf/split"), "gguf"),
            "--model D/gguf/llama-llama3-00002-of-00003.gguf",
            "D/gguf/llama-llama3-00002-of-00003.gguf: is part 2 of a model in 3 files; give the"
                + " first, D/gguf/llama-llama3-00001-of-00003.gguf"),
        row(
            "no config.json",
            p -> Files.delete(p.path("model/config.json")),
            "",
            "D/model: holds no config.json; a model folder as transformers saves it, or a GGUF file"
                + " is needed"),
        row(
            "an adapter as model",
            p -> p.copy(Goldens.FOLDER.resolve("train/grouped-tied/init"), "adapter"),
            "--model D/adapter",
            "D/adapter: holds no config.json; it is an adapter, the model is its base"),
        row(
            "unknown family",
            p -> p.edit("model/config.json", "\"llama\"", "\"gpt2\""),
            "",
            "D/model/config.json: model_type \"gpt2\" is not supported; supported: " + FAMILIES),
        row(
            "unknown rope type",
            p -> rope(p, "\"rope_type\": \"mrope\""),
            "",
            "D/model/config.json: rope_parameters.rope_type \"mrope\" is not supported; supported:"
                + " default, linear, dynamic, llama3, yarn, longrope"),
        row(
            "truncated weights",
            p -> cut(p.path("model/model.safetensors"), 100_000),
            "",
            "D/model/model.safetensors: tensor \"model.layers.1.mlp.gate_proj.weight\":"
                + " data_offsets end at 99712, the file has 97960 bytes of data; is it truncated?"),
        row(
            "weights cut inside the header",
            p -> cut(p.path("model/model.safetensors"), 100),
            "",
            "D/model/model.safetensors: header length 2032 is above the 92 bytes that follow it; is"
                + " the file truncated?"),
        row(
            "no weights",
            p -> Files.delete(p.path("model/model.safetensors")),
            "",
            "D/model: holds neither model.safetensors nor model.safetensors.index.json"),
        row(
            "no tokenizer",
            p -> Files.delete(p.path("model/tokenizer.json")),
            "",
            "D/model has no tokenizer.json; save the tokenizer there with transformers, or copy"
                + " it"),
        row(
            "a tokenizer of another model",
            p -> p.copy(Goldens.FOLDER.resolve("llama/linear-rope/model"), "model"),
            "",
            "the tokenizer gives token 86, the model has 67; tokenizer.json and config.json do not"
                + " belong together"));
  }

  static Stream<Mistake> families() {
    return mistakes(
        """
        --router-aux-loss-coef 0.1
          --router-aux-loss-coef is given, and the model has no experts; leave it out
        --router-aux-loss-coef -1
          --router-aux-loss-coef is -1; it must be 0 or more
        --expert-adapters split
          --expert-adapters is 'split'; supported: stacked, per-expert
        --targets experts
          target 'experts' matches no linear layer of the model; the linear layers are down_proj,
            gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj
        --targets q_proj,gate
          target 'gate' matches no linear layer of the model; did you mean gate_proj?
        model/config.json: "llama" => "qwen3"
          D/model has no tensor model.layers.0.self_attn.q_norm.weight, which its config.json calls
            for
        model/config.json: "llama" => "gemma2"
        model/config.json: "hidden_act" => "unread"
          D/model has no tensor model.layers.0.pre_feedforward_layernorm.weight, which its
            config.json calls for
        model/config.json: "llama" => "qwen2"
          D/model has no tensor model.layers.0.self_attn.q_proj.bias, which its config.json calls
            for
        model/config.json: "llama" => "phi3"
          D/model has no tensor model.layers.0.self_attn.qkv_proj.weight, which its config.json
            calls for; did you mean model.layers.0.self_attn.k_proj.weight,
            model.layers.0.self_attn.q_proj.weight or model.layers.0.self_attn.v_proj.weight?
        model/config.json: "model_type": "llama" => "model_type": "qwen2", "layer_types": ["full_attention"]
          D/model/config.json: layer_types is a list of 1; a list of 2 is needed
        model/config.json: "model_type": "llama" => "model_type": "mistral", "sliding_window": 0
          D/model/config.json: sliding_window is 0; a whole number from 1 to 2147483647 is needed
        model/config.json: "model_type": "llama" => "model_type": "gemma2", "use_bidirectional_attention": true
          D/model/config.json: use_bidirectional_attention is true; causal attention is supported
        model/config.json: "llama" => "gemma3"
          D/model/config.json: text_config is missing; it is needed
        """,
        row(
            "a mixture of experts that is not known",
            p -> p.edit("model/config.json", "\"llama\"", "\"deepseek_v3\""),
            "",
            "D/model/config.json: model_type \"deepseek_v3\" is not supported; supported: "
                + FAMILIES),
        row(
            "more experts a token than there are",
            p ->
                experts(p)
                    .edit("model/config.json", "experts_per_tok\": 3", "experts_per_tok\": 12"),
            "",
            "D/model/config.json: num_experts_per_tok 12 is above num_local_experts 11"),
        row(
            "experts that the file has not",
            p -> experts(p).edit("model/config.json", "local_experts\": 11", "local_experts\": 12"),
            "",
            "D/model/model.safetensors: model.layers.0.mlp.gate.weight is [11, 40], config.json"
                + " says [12, 40]"),
        row(
            "an expert that the file has not",
            p -> renamed(experts(p), "layers.0.mlp.experts.7.up", "layers.0.mlp.experts.7.op"),
            "",
            "D/model has no tensor model.layers.0.mlp.experts.7.up_proj.weight, which its"
                + " config.json calls for; did you mean"
                + " model.layers.0.mlp.experts.7.op_proj.weight?"),
        ofExperts(
            "families/qwen3-moe/model",
            "--targets up_proj",
            "targets select up_proj of experts and not gate_proj; they are one matrix, so name both"
                + " or none"),
        ofExperts(
            "families/qwen3-moe/model",
            "--targets model.layers.0.mlp.experts.0.down_proj",
            "targets select some experts of a layer and not"
                + " model.layers.0.mlp.experts.1.down_proj; an adapter is on all of them or none"),
        ofExperts("families/qwen3-moe/model", "--dropout 0.1", "--dropout 0.1" + NOT_ON_EXPERTS),
        ofExperts("families/qwen3-moe/model", "--dora", "DoRA" + NOT_ON_EXPERTS),
        ofExperts(
            "families/qwen3-moe/model",
            "--init eva",
            "--init eva"
                + NOT_ON_EXPERTS.replace(
                    "PEFT loads no such adapter", "all experts of a layer have one rank")),
        ofExperts(
            "mxfp4/model",
            "--expert-adapters per-expert",
            "--expert-adapters per-expert does not go with experts whose gate and up are one matrix"
                + " (gpt-oss); leave it out"),
        ofExperts(
            "mxfp4/model",
            "--method full",
            "--method full: the weights in D/model are stored in mxfp4, which cannot be trained;"
                + " give a folder with dense weights, or leave --method out to train an adapter"),
        ofExperts(
            "mxfp4/model",
            "--quantize nf4",
            "--quantize nf4: the weights in D/model are stored in mxfp4; leave --quantize out, or"
                + " give a folder with dense weights"),
        row(
            "blocks of experts without scales",
            p -> {
              p.copy(Goldens.FOLDER.resolve("mxfp4/model"), "model");
              renamed(p, "0.mlp.experts.down_proj_scales", "0.mlp.experts.down_proj_scalez");
            },
            "",
            "D/model has no tensor model.layers.0.mlp.experts.down_proj_scales, which its"
                + " config.json calls for"),
        row(
            "a limit of experts that is none",
            p ->
                p.copy(Goldens.FOLDER.resolve("mxfp4/model"), "model")
                    .edit("model/config.json", "swiglu_limit\": 7.0", "swiglu_limit\": 0"),
            "",
            "D/model/config.json: swiglu_limit is 0.0; a number above 0 is needed"),
        row(
            "blocks of experts of another size",
            p ->
                p.copy(Goldens.FOLDER.resolve("mxfp4/model"), "model")
                    .edit(
                        "model/config.json", "intermediate_size\": 32", "intermediate_size\": 64"),
            "",
            "D/model/model.safetensors: model.layers.0.mlp.experts.gate_up_proj_blocks is [3, 64,"
                + " 2, 16], config.json says [3, 128, 2, 16]"),
        row(
            "experts that are no whole blocks",
            p ->
                p.copy(Goldens.FOLDER.resolve("mxfp4/model"), "model")
                    .edit("model/config.json", "hidden_size\": 64", "hidden_size\": 48"),
            "",
            "D/model/model.safetensors: model.layers.0.mlp.experts.gate_up_proj_blocks is in blocks"
                + " of 32, and rows have 48 numbers by config.json"),
        row(
            "yarn without its factor",
            p -> rope(p, "\"rope_type\": \"yarn\""),
            "",
            "D/model/config.json: rope_parameters.factor is missing; it is needed"),
        row(
            "factors of another width",
            p ->
                rope(
                    p,
                    "\"rope_type\": \"longrope\", \"short_factor\": [1, 1], \"long_factor\": [2,"
                        + " 2]"),
            "",
            "D/model/config.json: short_factor and long_factor have 2 and 2 numbers; 4 are needed,"
                + " one for two dimensions of a head"),
        row(
            "key heads that do not divide",
            p -> config(p, "num_key_value_heads\": 2", "num_key_value_heads\": 3"),
            "",
            "D/model/config.json: num_attention_heads 4 is not a multiple of num_key_value_heads"
                + " 3"),
        row(
            "another number of heads",
            p -> config(p, "num_attention_heads\": 4", "num_attention_heads\": 2"),
            "",
            "D/model/model.safetensors: model.layers.0.self_attn.q_proj.weight is [32, 32],"
                + " config.json says [16, 32]"),
        row(
            "a head that is missing",
            p -> config(p, "tie_word_embeddings\": true", "tie_word_embeddings\": false"),
            "",
            "D/model has no tensor lm_head.weight, which its config.json calls for"));
  }

  private static void config(Place p, String from, String to) throws IOException {
    p.edit("model/config.json", "\"" + from, "\"" + to);
  }

  private static void rope(Place p, String keys) throws IOException {
    config(p, "rope_type\": \"default\"", keys.substring(1));
  }

  static Stream<Mistake> data() {
    return mistakes(
        """
        --data D/none.jsonl
          D/none.jsonl does not exist; a file, a folder or a glob of rows is needed
        --data D/*.json
          no file matches D/*.json; a file, a folder or a glob of rows is needed
        --data D/model
          D/model holds no data; a file of it ends in .jsonl, .json, .csv, .tsv or .parquet, perhaps
            with .gz
        --objective dpo
          D/rows.jsonl: 3 of 3 rows are bad
          D/rows.jsonl lines 1, 2, 3 (3 rows): no column 'chosen'; the columns are prompt,
            completion
        --objective kto
          D/rows.jsonl: 3 of 3 rows are bad
          D/rows.jsonl lines 1, 2, 3 (3 rows): no column 'label'; the columns are prompt, completion
        --objective orpo
        rows.jsonl: {"prompt": "a", "chosen": "b", "rejected": [1]}
          D/rows.jsonl: 1 of 1 row is bad
          D/rows.jsonl line 1: of 'chosen' and 'rejected' one is a list of messages and one is not;
            both must be texts or both lists
        --objective grpo
          --objective grpo has rows of prompts alone and no --reward; give one, such as --reward
            exact:{answer}, or rows with completions and rewards
        --objective grpo --reward exact:{answer}
          --reward exact:{answer}: D/rows.jsonl:1: no column 'answer'; the columns are prompt,
            completion
        --objective grpo --reward regex:[0-9]=2
          --reward regex:[0-9]: regex needs an expression between slashes, as regex:/[0-9]+/
        --objective grpo --reward json:D/none.json=2
          --reward json:D/none.json cannot be read: no such file or folder
        --objective grpo --reward adapter:D/none
          --reward adapter:D/none: no such folder
        --objective grpo --reward own --reward-jar D/none.jar
          --reward-jar D/none.jar: no such file
        --objective grpo --reward own --reward-jar D/model
          --reward-jar D/model: it is a folder; give a jar
        --objective grpo --reward own --reward-jar D/rows.jsonl
          --reward-jar D/rows.jsonl: it is no jar
        --reward-jar D/none.jar
          --reward-jar is given with --objective sft, which has no use for it; leave one out
        --objective grpo --reward json --init eva
          --init eva looks at the tokens that are trained, of which rows of prompts alone have none;
            take another --init
        --objective grpo --reward json --loss-type ipo
          --loss-type ipo is given with --objective grpo, which has dapo, grpo, dr_grpo, bnpo
        --objective grpo --reward json --iterations 2 --save-steps 3
          --save-steps 3 is no multiple of --iterations 2; a run is saved and evaluated between
            batches
        --objective grpo --reward adapter:D/none --method full
          --reward adapter:D/none stands on the base, whose weights --method full changes; leave
            --method out, or give another reward
        --objective grpo --reward json --beta 0.1 --method full
          --beta is given with --method full and sampled completions: no reference is left to
            measure them by; leave --beta out
        --objective grpo --reward json
        rows.jsonl: {"prompt": "a", "completions": ["b", "c"], "rewards": [1, 0]}
          --reward is given with rows that have completions and rewards: nothing is sampled; leave
            it out, or give rows of prompts alone
        --objective grpo
        rows.jsonl: {"prompt": "a", "completions": ["b", "c"], "rewards": [1, 0]}
        rows.jsonl: {"prompt": "a", "completions": ["b", "c", "d"], "rewards": [1, 0, 2]}
        rows.jsonl: {"prompt": "a", "completions": ["b", "c"], "rewards": [1]}
        rows.jsonl: {"prompt": "a", "completions": ["b", "c"], "rewards": [1, "good"]}
        rows.jsonl: {"prompt": "a", "completions": ["b", ""], "rewards": [1, 0], "finished": [true, false]}
          D/rows.jsonl: 4 of 5 rows are bad; --skip-bad-rows sets them aside
          D/rows.jsonl line 2: 'completions' has 3 of them, and the first row 2; groups have one
            length
          D/rows.jsonl line 3: 'rewards' has 1 entries and 'completions' 2; there must be one for
            each
          D/rows.jsonl line 4: an entry of 'rewards' is "good"; each must be a number
          D/rows.jsonl line 5: a completion is empty and not finished: it has no token to train
        rows.jsonl: {"prompt": "a", "chosen": " b", "rejected": " c"}
          D/rows.jsonl: 1 of 1 row is bad
          D/rows.jsonl line 1: the row is a preference pair (chosen, rejected); train --objective
            dpo learns from both answers, --completion '{chosen}' trains on the chosen ones
        --beta 0.3
          --beta is given with --objective sft, which has no use for it; leave one out
        --replay D/none.jsonl
          D/none.jsonl does not exist; a file, a folder or a glob of rows is needed
        --replay defalt
          --replay: defalt does not exist; did you mean default?
        --eval-data D/none.jsonl
          D/none.jsonl does not exist; a file, a folder or a glob of rows is needed
        --completion {label}
          D/rows.jsonl: 3 of 3 rows are bad
          D/rows.jsonl lines 1, 2, 3 (3 rows): no column 'label'; the columns are prompt, completion
        rows.jsonl: {"query": "a", "label": "b"}
          D/rows.jsonl: 1 of 1 row is bad
          D/rows.jsonl line 1: neither 'prompt' and 'completion' nor 'messages' nor 'text'; the
            columns are query, label; name them in braces, such as --prompt '{question}'
            --completion ' {answer}'
        rows.jsonl: {"prompt": "a", "completion": ""}
          D/rows.jsonl: 1 of 1 row is bad
          D/rows.jsonl line 1: the completion is empty
        rows.jsonl: {"prompt": null, "completion": "b"}
          D/rows.jsonl: 1 of 1 row is bad
          D/rows.jsonl line 1: column 'prompt' is null
        --max-length 7
          D/rows.jsonl: 2 of 3 rows are bad; --skip-bad-rows sets them aside
          D/rows.jsonl lines 1, 2 (2 rows): more tokens than --max-length 7, the first: 15 tokens
            are more than --max-length 7; --truncate cuts its prompt from the left
        --template chatml
        rows.jsonl: {"messages": [{"role": "user", "content": "b"}, {"role": "assistant", "content": "a", "weight": -0.5}]}
          D/rows.jsonl: 1 of 1 row is bad
          D/rows.jsonl line 1: message 2 has the weight -0.5; a number from 0 to 1000 is needed
        --template chatml
        rows.jsonl: {"messages": [{"role": "user", "content": "b"}, {"role": "assistant", "content": "a", "train": "false"}]}
          D/rows.jsonl: 1 of 1 row is bad
          D/rows.jsonl line 1: message 2 has "train": "false"; true or false is needed
        --template chatml
        rows.jsonl: {"messages": [{"role": "user", "content": "b"}, {"role": "assistant", "content": "a", "weight": "0.5"}]}
          D/rows.jsonl: 1 of 1 row is bad
          D/rows.jsonl line 1: message 2 has the weight "0.5"; a number from 0 to 1000 is needed
        --train-on users
          --train-on is 'users'; supported: assistant, last, all
        --max-length 2 --truncate
        rows.jsonl: {"text": "</s>"}
        rows.jsonl: {"text": "</s>"}
          D/rows.jsonl: nothing would be trained; no row has a token behind its first within
            --max-length 2, or every message that would be has "train": false or "weight": 0
        --data D/rows.csv
        rows.csv: text,text
        rows.csv: a,b
          D/rows.csv names the column text twice in its header; rename one
        rows.jsonl: query;label
        rows.jsonl: the pump;leak
          D/rows.jsonl: 1 of 1 row is bad
          D/rows.jsonl line 2: neither 'prompt' and 'completion' nor 'messages' nor 'text'; the
            columns are query, label; name them in braces, such as --prompt '{question}'
            --completion ' {answer}'
        --sql SELECT
          --sql is given, for which nudge needs DuckDB, 80 MB that a plain install leaves out: nudge
            install duckdb (in Java: dev.nudge:nudge-duckdb on the class path)
        --data D/rows.json
        rows.json: [
        rows.json:   {"text": "a"},
        rows.json:   {"text": "b"}
          D/rows.json: 1 of 3 rows is bad; --skip-bad-rows sets them aside
          D/rows.json line 4: the array has no end; is the file cut off?
        --shape alpaca
          D/rows.jsonl: 3 of 3 rows are bad
          D/rows.jsonl lines 1, 2, 3 (3 rows): no column 'instruction'; the columns are prompt,
            completion
        --columns dialog=messages
          --columns dialog=messages: a row has no dialog here; there are messages, tools,
            conversations, instruction, input, output, history, system, prompt, completion, chosen,
            rejected, label, text; the row's own name stands behind the sign: messages=dialog
        rows.jsonl: {"messages": [{"role": "user", "content": "a"}, {"role": "bot", "content": "b"}]}
          D/rows.jsonl: 1 of 1 row is bad
          D/rows.jsonl line 1: message 2 has the role 'bot'; known roles are system, developer,
            user, assistant, tool, function
        --data -
          - is standard input, which only generate reads rows from; give a file or a glob
        --prompt {text
          --prompt '{text' is broken at character 1: { without }; a brace is written {{
        --prompt {text} --completion label
          --completion 'label' names no column, so all rows would have one answer; a column stands
            in braces: --completion '{label}'
        """,
        row(
            "empty data",
            p -> p.write("rows.jsonl", "\n \n"),
            "",
            "D/rows.jsonl holds no rows; a row is a JSON object, or a record below a header"),
        row(
            "not JSON at line 3",
            p ->
                p.write(
                    "rows.jsonl",
                    """
                    {"prompt": "a", "completion": " b"}

                    {"prompt": "a", "completion":
                    """),
            "",
            "D/rows.jsonl: 1 of 2 rows is bad; --skip-bad-rows sets them aside\n"
                + "D/rows.jsonl line 3: not JSON: it ends before its closing brace"),
        row(
            "not UTF-8",
            p -> Files.write(p.path("rows.jsonl"), new byte[] {'{', (byte) 0xFF}),
            "",
            "D/rows.jsonl line 1 is not UTF-8; if it is Windows-1252, as a command: iconv -f"
                + " WINDOWS-1252 -t UTF-8 D/rows.jsonl > converted.jsonl"),
        row(
            "UTF-16, as PowerShell writes it",
            p ->
                Files.writeString(
                    p.path("rows.jsonl"), "\uFEFF{\"text\": \"a\"}", StandardCharsets.UTF_16LE),
            "",
            "D/rows.jsonl is text in UTF-16; supported are JSONL, JSON, CSV, TSV and Parquet, also"
                + " with gzip; as a command: iconv -f UTF-16 -t UTF-8 D/rows.jsonl >"
                + " converted.jsonl, or in PowerShell: Get-Content D/rows.jsonl | Set-Content"
                + " -Encoding utf8 converted.jsonl"),
        row(
            "messages",
            p ->
                p.write(
                    "rows.jsonl",
                    "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}]}"),
            "",
            "D/model has no chat template; name one by --template: a file, or "
                + String.join(", ", ChatTemplate.knownNames())),
        row(
            "a template that is none",
            p -> {},
            "--template nothing",
            "--template nothing is no file and no template; there are "
                + String.join(", ", ChatTemplate.knownNames())),
        row(
            "a template that cannot be read",
            p ->
                p.write(
                    "broken.jinja",
                    "{% for m in messages %}\n{{ m.content | frobnicate }}\n{% endfor %}"),
            "--template D/broken.jinja",
            "D/broken.jinja, line 2: the filter 'frobnicate' is not known"),
        row(
            "a conversation that its template refuses",
            p ->
                p.write("strict.jinja", "{{ raise_exception('roles must alternate') }}")
                    .write(
                        "rows.jsonl",
                        "{\"messages\": [{\"role\": \"user\", \"content\": \"b\"}, {\"role\":"
                            + " \"assistant\", \"content\": \"a\"}]}"),
            "--template D/strict.jinja",
            "D/rows.jsonl: 1 of 1 row is bad\n"
                + "D/rows.jsonl line 1: D/strict.jinja, line 1: the template refuses: roles must"
                + " alternate"),
        row(
            "bad rows of two kinds in two files",
            p ->
                p.write("a.jsonl", "{\"prompt\": \"a\"}\n".repeat(30))
                    .write(
                        "b.jsonl",
                        "[]\n{\"prompt\": \"a\"}\n{\"prompt\": \"a\", \"completion\": \"b\"}"),
            "--data D/a.jsonl --data D/b.jsonl",
            "D/a.jsonl, D/b.jsonl: 32 of 33 rows are bad; --skip-bad-rows sets them aside\n"
                + "D/a.jsonl lines 1, 2, 3, 4, 5, … (31 rows): no column 'completion'; the columns"
                + " are prompt\n"
                + "D/b.jsonl line 1: not a JSON object but an array"),
        row(
            "a CSV file with a record of another length",
            p -> p.write("rows.csv", "prompt;completion\na;b\n\na;b;c\n"),
            "--data D/rows.csv",
            "D/rows.csv: 1 of 2 rows is bad; --skip-bad-rows sets them aside\n"
                + "D/rows.csv line 4: 3 fields, where the header names 2 columns; a field with"
                + " separators or line breaks stands in double quotes"),
        row(
            "a Parquet file, held out",
            p -> p.write("held.parquet", "PAR1\u0015\u0004"),
            "--eval-data D/held.parquet",
            "D/held.parquet is a Parquet file, for which nudge needs DuckDB, 80 MB that a plain"
                + " install leaves out: nudge install duckdb (in Java: dev.nudge:nudge-duckdb on"
                + " the class path)"),
        row(
            "a file compressed with gzip and cut off",
            p ->
                Files.write(
                    p.path("rows.jsonl.gz"),
                    Arrays.copyOf(gzip(Files.readString(p.path("rows.jsonl"))), 40)),
            "--data D/rows.jsonl.gz",
            "D/rows.jsonl.gz cannot be read: it ends too early; is it cut off?"),
        row(
            "a file compressed with zstd",
            p -> Files.write(p.path("rows.zst"), new byte[] {0x28, (byte) 0xB5, 0x2F, (byte) 0xFD}),
            "--data D/rows.zst",
            "D/rows.zst is compressed with zstd; supported are JSONL, JSON, CSV, TSV and Parquet,"
                + " also with gzip; as a command: zstd -dc D/rows.zst > converted.jsonl"));
  }

  static Stream<Mistake> adapter() {
    return mistakes(
        """
        --rank 0
          --rank is 0; it must be at least 1
        --rank 81
          rank 81 is larger than the larger side of q_proj (32); set --rank to at most 32
        --targets qproj
          target 'qproj' matches no linear layer of the model; did you mean q_proj, k_proj or
            o_proj?
        --targets q_proj,vproj
          target 'vproj' matches no linear layer of the model; did you mean v_proj, k_proj or
            o_proj?
        --targets /q_proj/
          targets /q_proj/ select no linear layer; the linear layers are down_proj, gate_proj,
            k_proj, o_proj, q_proj, up_proj, v_proj
        --targets /(q_proj/
          --targets is '/(q_proj/': the regular expression '(q_proj' cannot be read: Unclosed group
        --targets /(?<name>q)_proj/
          --targets is '/(?<name>q)_proj/': the regular expression '(?<name>q)_proj' cannot be read:
            (?< is not supported
        --targets /(?P<one>q)_(?P=one)/
          targets /(?P<one>q)_(?P=one)/ select no linear layer; the linear layers are down_proj,
            gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj
        --modules-to-save lm_head,embed_token
          --modules-to-save 'embed_token' matches no embedding, head, linear layer or norm; did you
            mean embed_tokens?; they are down_proj, embed_tokens, gate_proj, input_layernorm,
            k_proj, lm_head, norm, o_proj, post_attention_layernorm, q_proj, up_proj, v_proj
        --modules-to-save lm_head,
          --modules-to-save is 'lm_head,'; it must not have an empty entry
        --modules-to-save q_proj --quantize nf4
          model.layers.0.self_attn.q_proj is quantised to 4 bits, but modules trained whole
            (--modules-to-save, or modules_to_save of the adapter) must be dense; drop that, or
            --quantize
        --modules-to-save q_proj --targets q_proj
          --targets q_proj select only what --modules-to-save trains whole; give other targets
        --modules-to-save lm_head --method full
          --modules-to-save is given with --method full, which trains no adapter; leave one out
        --add-tokens D/tokens.txt
          --add-tokens D/tokens.txt: no such file
        --add-tokens D/tokens.txt
        tokens.txt: <a>
        tokens.txt: <b>
        tokens.txt: <a>
          --add-tokens D/tokens.txt: line 3: '<a>' is a duplicate
        --add-tokens D/tokens.txt
        tokens.txt: <a>
        tokens.txt: </s>
          --add-tokens: '</s>' is token 1 of D/model/tokenizer.json already; leave it out
        --init-adapter D/model
          D/model is not an adapter: it has no adapter_config.json; it is a model folder, which goes
            to --model
        --dora --dropout 0.1
          --dropout 0.1 is given with --dora, which trains without dropout; leave one out
        --dora --targets q_proj,lm_head
          DoRA works on linear layers of decoder layers, not on lm_head; leave it out of --targets
        --dora --lora-bias
          --dora and --lora-bias are both given; leave one out
        --lora-bias --init olora
          --init olora is given with --lora-bias, which PEFT has with the default alone; leave one
            out
        --init svd
          --init is 'svd'; it must be default, gaussian, loftq, pissa, olora, eva or pissa-niter-N
        --init pissa --rank 40 --targets k_proj
          rank 40 is above the smaller side of k_proj (16), and --init pissa or olora divides the
            weight; set --rank to at most 16
        --init eva --rank 33
          --init eva gives a layer up to twice --rank, 66, which is larger than the larger side of
            q_proj (32); set --rank to at most 16
        --init eva --rank-pattern v_proj=3
          --init eva finds the rank of each layer itself; leave out --rank-pattern
        --rank-pattern v_proj
          --rank-pattern is 'v_proj'; it must be a module's name or expression, = and a number
        --rank-pattern v_proj=1.5
          --rank-pattern is 'v_proj=1.5'; it must be a whole number from 1 on behind the last =
        --alpha-pattern v_proj=1.5 --alpha-pattern v_proj=2
          --alpha-pattern gives 'v_proj' twice; leave one out
        --alpha-pattern w_proj=2
          --alpha-pattern 'w_proj' matches none of the layers that --targets selects; give a name or
            an expression that ends as their paths do, or leave it out
        --layers-to-transform 0
          layers_to_transform needs a list of target_modules, not all-linear
        --targets q_proj --layers-to-transform 0,x
          --layers-to-transform is '0,x'; it must be numbers of layers from 0 on, with commas
        --lora-plus -2
          --lora-plus is -2; it must be above 0
        """,
        row(
            "adapter of another base",
            p -> strange(p, OTHER),
            "--init-adapter D/strange",
            ANOTHER_BASE),
        row(
            "adapter with a broken nudge.json",
            p -> strange(p, "{"),
            "--init-adapter D/strange",
            "D/strange/nudge.json cannot be read, so the adapter's base is not known; give"
                + " --any-base"),
        row(
            "adapter of a newer nudge",
            p -> strange(p, "{\"version\": 2}"),
            "--init-adapter D/strange",
            "D/strange/nudge.json: version is 2, this nudge reads 1; update nudge, or give"
                + " --any-base"),
        row(
            "modules to save with an adapter to continue from",
            BadInputTest::initAdapter,
            "--modules-to-save lm_head --init-adapter D/init",
            "--modules-to-save is given with --init-adapter, which says what is trained beside A"
                + " and B; leave one out"),
        row(
            "an adapter to continue from that adds nothing",
            p ->
                initAdapter(p)
                    .edit("init/adapter_config.json", "\"lora_alpha\": 8", "\"lora_alpha\": 0"),
            "--init-adapter D/init",
            "--init-adapter D/init has lora_alpha 0, so what it adds is 0 and stays so; give"
                + " another"),
        row(
            "an empty file of tokens",
            p -> p.write("tokens.txt", "\n\n"),
            "--add-tokens D/tokens.txt",
            "--add-tokens D/tokens.txt holds no token; give one a line"),
        row(
            "a new token with a blank at its end",
            p -> p.write("tokens.txt", "<a>\n<b> \n"),
            "--add-tokens D/tokens.txt",
            "--add-tokens D/tokens.txt: line 2: '<b> ' begins or ends with a blank, which is hard"
                + " to see; take it away"),
        row(
            "an adapter whose rows of tokens are not there",
            p ->
                initAdapter(p)
                    .edit(
                        "init/adapter_config.json",
                        "\"trainable_token_indices\": null",
                        "\"trainable_token_indices\": [3]"),
            "--init-adapter D/init",
            "adapter D/init: tensor"
                + " base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta is"
                + " missing, which adapter_config.json calls for"),
        row(
            "an adapter whose whole module is not there",
            p ->
                initAdapter(p)
                    .edit(
                        "init/adapter_config.json",
                        "\"modules_to_save\": null",
                        "\"modules_to_save\": [\"model.norm\"]"),
            "--init-adapter D/init",
            "adapter D/init: tensor base_model.model.model.norm.weight is missing, though"
                + " adapter_config.json names it in modules_to_save"),
        row(
            "an adapter with negative token ids",
            p ->
                initAdapter(p)
                    .edit(
                        "init/adapter_config.json",
                        "\"trainable_token_indices\": null",
                        "\"trainable_token_indices\": [-1]"),
            "--init-adapter D/init",
            "D/init/adapter_config.json: trainable_token_indices of embed_tokens are [-1]; give ids"
                + " from 0"),
        row(
            "adapter of another shape",
            BadInputTest::otherAdapter,
            "--init-adapter D/other",
            "adapter D/other: it is of another model: it has weights for layers 0 to 2, this model"
                + " has layers 0 to 1"),
        row("no adapter", p -> {}, "--init-adapter D/none", NO_ADAPTER),
        row(
            "an adapter with a key that is not supported",
            p ->
                initAdapter(p)
                    .edit(
                        "init/adapter_config.json",
                        "\"fan_in_fan_out\": false",
                        "\"fan_in_fan_out\": true"),
            "--init-adapter D/init",
            "D/init/adapter_config.json: fan_in_fan_out is true, which is not supported; only LoRA"
                + " with DoRA or lora_bias is, so merge this adapter into its base with PEFT"),
        row(
            "DoRA over an adapter that is plain",
            BadInputTest::initAdapter,
            "--dora --init-adapter D/init",
            "--dora disagrees with --init-adapter D/init, which has use_dora false; leave the flag"
                + " out"),
        row(
            "another rank",
            BadInputTest::initAdapter,
            "--init-adapter D/init --rank 8",
            "--rank 8 disagrees with --init-adapter D/init, which has rank 4; leave the flag out"),
        row(
            "another alpha",
            BadInputTest::initAdapter,
            "--init-adapter D/init --alpha 9",
            "--alpha 9 disagrees with --init-adapter D/init, which has alpha 8; leave the flag"
                + " out"),
        row(
            "other targets",
            BadInputTest::initAdapter,
            "--init-adapter D/init --targets q_proj",
            "--targets q_proj disagrees with --init-adapter D/init, which has other targets (only"
                + " the adapter has model.layers.0.self_attn.k_proj); leave the flag out"),
        row(
            "rsLoRA",
            BadInputTest::initAdapter,
            "--init-adapter D/init --rs-lora",
            "--rs-lora disagrees with --init-adapter D/init, which has use_rslora false; leave the"
                + " flag out"),
        row(
            "a config that disagrees with the tensors",
            p -> initAdapter(p).edit("init/adapter_config.json", "\"r\": 4", "\"r\": 5"),
            "--init-adapter D/init",
            "adapter D/init: the rank of model.layers.0.self_attn.q_proj is 5 in"
                + " adapter_config.json, but lora_A has 4 rows and lora_B 4 columns"));
  }

  static Stream<Mistake> place() {
    return mistakes(
        """
        --out D/rows.jsonl/out
          --out D/rows.jsonl/out cannot be made: D/rows.jsonl is a file; give another folder
        --out D/rows.jsonl
          --out D/rows.jsonl cannot be made: D/rows.jsonl is a file; give another folder
        out/notes.txt: mine
          --out D/out is not empty; give a new folder, or --overwrite to write into it
        --out D/model
          --out D/model is where the model of this run is; give another folder
        --data D/none.jsonl
        out/notes.txt: mine
          D/none.jsonl does not exist; a file, a folder or a glob of rows is needed
        --out D/rows.jsonl
        rows.jsonl: {"prompt": null, "completion": "b"}
          D/rows.jsonl: 1 of 1 row is bad
          D/rows.jsonl line 1: column 'prompt' is null
        --model D/none
        out/notes.txt: mine
          D/none: no such model folder
        --out s3://me:pw@host/out?key=a
          --out s3:/***@host/out?key=*** is a URL; give a folder of this machine
        --save-steps 0
          --save-steps is 0; it must be at least 1
        --keep -1
          --keep is -1; it must be at least 0
        --disk-wait -1
          --disk-wait is -1; it must be at least 0
        --resume
          --resume: --out D/out holds no run to go on with; leave --resume out to begin one
        --save-steps 10%
          --save-steps is '10%'; it must be a whole number
        --memory 10M
          the run needs 114 MiB and may use 10 MiB; it fits with --memory 114MiB
        --patience 3
          --patience is given without held-out rows, whose loss it counts; add --eval-data or
            --eval-split
        --sample-prompt seal
          --sample-prompt is given without held-out rows, at whose loss prompts are answered; add
            --eval-data or --eval-split
        --samples 2
          --samples is given without held-out rows, at whose loss prompts are answered; add
            --eval-data or --eval-split
        --on-divergence end
          --on-divergence is 'end'; supported: warn, stop
        """,
        row(
            "out holds an adapter that is no run",
            p -> p.copy(Goldens.FOLDER.resolve("train/grouped-tied/init"), "out"),
            "--overwrite",
            "--out D/out holds an adapter that is not a run of nudge; give another folder"),
        row(
            "out holds a run that cannot be read",
            p -> p.write("out/run.json", "{"),
            "--overwrite",
            "D/out/run.json cannot be read, so the run in its folder is unknown; give another"
                + " folder"),
        row(
            "out is left half replaced, with something in the way",
            p -> halfReplaced(p, "out"),
            "--overwrite",
            HALF_REPLACED.formatted("out")),
        row(
            "the model is left half replaced, with something in the way",
            p -> halfReplaced(p, "model"),
            "",
            HALF_REPLACED.formatted("model")),
        row(
            "out is a link to nothing",
            p -> Files.createSymbolicLink(p.path("out"), p.path("none")),
            "",
            "--out D/out is a link to what is not there; remove it, or give another folder"),
        row(
            "checkpoints that lie elsewhere",
            p -> {
              p.write("out/run.json", "{}");
              p.write("elsewhere/mine.txt", "mine");
              Files.createSymbolicLink(p.path("out/checkpoints"), p.path("elsewhere"));
            },
            "--overwrite",
            "--out: D/out/checkpoints is a link, and nothing outside --out is written; remove it,"
                + " or give --out where it leads"),
        row(
            "going on and beginning anew",
            p -> p.write("out/run.json", "{\"state\": \"stopped\"}"),
            "--resume --overwrite",
            "--resume and --overwrite are both given; a run goes on or begins anew, so leave one"
                + " out"),
        row("patience", p -> {}, EVAL + "--patience 0", "--patience is 0; it must be at least 1"),
        row(
            "rows to answer below none",
            p -> {},
            EVAL + "--samples -1",
            "--samples is -1; it must be at least 0"),
        row(
            "answers of no token",
            p -> {},
            EVAL + "--samples 1 --sample-tokens 0",
            "--sample-tokens is 0; it must be at least 1"),
        row(
            "a prompt that leaves no room",
            p -> {},
            EVAL + "--max-length 20 --sample-prompt " + "s".repeat(60),
            "--sample-prompt has 60 tokens, which leaves none of --max-length 20 for an answer;"
                + " shorten it or raise --max-length"));
  }

  static Stream<Mistake> flags() {
    return mistakes(
        """
        --learning-rat 1
          unknown flag --learning-rat for train; did you mean --learning-rate?
        --lora-r 8
          unknown flag --lora-r for train; here it is --rank
        -r 8
          unknown flag -r for train; here it is --rank
        --fp16
          unknown flag --fp16 for train; the compute types are --compute bf16 and --compute fp32
        --bf16 true
          unknown flag --bf16 for train; here it is --compute bf16
        --per_device_train_batch_size 4
          unknown flag --per_device_train_batch_size for train; here --batch-size counts the
            sequences of a whole optimiser step
        --config D/run.yaml
        run.yaml: load_in_4bit: true
          D/run.yaml: unknown key 'load_in_4bit'; here it is quantize: nf4
        --learn 1
          unknown flag --learn for train; did you mean --learning-rate?
        --rank 4 --rank 4
          --rank is given twice; give it once
        --steps 3 --epochs 1
          --steps and --epochs are both given; a run has either, so leave one out
        --quantize int8
          --quantize is 'int8'; supported: none, nf4
        --double-quant
          --double-quant: the weights in D/model are dense; give --quantize nf4 too, or leave the
            flag out
        model/config.json: { => {"quantization_config": {"quant_method": "hqq"},
          D/model/config.json: quantization_config.quant_method "hqq" is not supported; supported:
            bitsandbytes (4-bit nf4), awq, gptq, compressed-tensors, mxfp4
        --method ia3
          --method is 'ia3'; supported: lora, full
        --method full --quantize nf4
          --quantize nf4 is given with --method full; weights in four bits cannot be trained, so
            leave one out
        --method full --rank 8
          --rank is given with --method full, which trains no adapter; leave one out
        --method full --init-adapter D/adapter
          --init-adapter is given with --method full, which trains no adapter; leave one out
        --init loftq
          --init loftq makes up for what quantising loses, and nothing is quantised here; add
            --quantize nf4 or leave it out
        --init loftq --init-adapter D/adapter
          --init loftq is given with --init-adapter, which says how the adapter begins; leave one
            out
        --method full --init loftq
          --init is given with --method full, which trains no adapter; leave one out
        --freeze q_proj
          --freeze is given without --method full; with lora all weights are frozen, so leave it out
        --method full --freeze q_prj
          --freeze 'q_prj' matches no module or tensor of the model; did you mean q_proj, k_proj or
            o_proj?
        --method full --freeze /q(/
          --freeze is '/q(/': the regular expression 'q(' cannot be read: Unclosed group
        --method full --freeze /.*/
          --freeze /.*/ leaves nothing to train; give fewer modules
        --method full --out D/model --overwrite
          --out D/model is where the model of this run is; give another folder
        --out D/model --overwrite
          --out D/model is where the model of this run is; give another folder
        --optimizer adamw-4bit
          --optimizer is 'adamw-4bit'; supported: adamw, adamw-8bit
        --config D/run.yaml
          --config is D/run.yaml; there is no such file
        --config D/run.yaml
        run.yaml: learning_rat: 1e-3
          D/run.yaml: unknown key 'learning_rat'; did you mean learning_rate?
        --config D/run.yaml
        run.yaml: learning_rat: 1e-3
        run.yaml: rank: 8
        run.yaml: lora_alpha: 16
        run.yaml: frob: 1
          D/run.yaml: unknown keys 'learning_rat', 'lora_alpha' and 'frob'; learning_rat: did you
            mean learning_rate?; lora_alpha: here it is alpha
        """,
        row("a GPU", p -> {}, "--gpu", PROCESSORS.formatted("--gpu")),
        row("a device", p -> {}, "--device cuda", PROCESSORS.formatted("--device")),
        row("CUDA", p -> {}, "--cuda", PROCESSORS.formatted("--cuda")),
        row(
            "scales that are stored in another way",
            p -> p.copy(Goldens.FOLDER.resolve("bnb/plain"), "model"),
            "--double-quant",
            "--double-quant: the weights in D/model are stored without double quantisation; leave"
                + " the flag out"),
        row(
            "GPTQ with other bits than its file",
            p -> gptq(p, "\"bits\": 4", "\"bits\": 8"),
            "",
            "D/model/model.safetensors: model.layers.0.self_attn.q_proj.qweight is I32 [8, 64]; a"
                + " layer of [64, 64] in gptq with 8 bits needs I32 [16, 64]"),
        row(
            "GPTQ with bits that it does not have",
            p -> gptq(p, "\"bits\": 4", "\"bits\": 6"),
            "",
            "D/model/config.json: quantization_config.bits is 6; GPTQ with 2, 3, 4 or 8 bits is"
                + " supported"),
        row(
            "GPTQ with groups of nothing",
            p -> gptq(p, "\"group_size\": 32", "\"group_size\": 0"),
            "",
            "D/model/config.json: quantization_config.group_size is 0; a whole number from 1, or -1"
                + " for one group a row, is needed"),
        row(
            "GPTQ without the groups of its inputs",
            p -> renamed(gptq(p, "{", "{"), "q_proj.g_idx", "q_proj.g_idy"),
            "",
            "D/model has no tensor model.layers.0.self_attn.q_proj.g_idx; config.json says"
                + " desc_act, so the groups of its inputs are needed"),
        row(
            "GPTQ whose packs end early",
            p -> renamed(gptq(p, "{", "{"), "[8,96]", "[7,96]"),
            "",
            "D/model/model.safetensors: tensor \"model.layers.0.mlp.gate_proj.qweight\":"
                + " data_offsets [3808, 6880] hold 3072 bytes, I32 of shape [7, 96] needs 2688"),
        row(
            "AWQ whose file ends early",
            p ->
                cut(
                    p.copy(Goldens.FOLDER.resolve("grouped/awq-32/model"), "model")
                        .path("model/model.safetensors"),
                    20_000),
            "",
            "D/model/model.safetensors: tensor \"model.embed_tokens.weight\": data_offsets end"
                + " at 19936, the file has 17512 bytes of data; is it truncated?"),
        row(
            "GPTQ that is quantised again",
            p -> gptq(p, "\"bits\": 4", "\"bits\": 4"),
            "--quantize nf4",
            "--quantize nf4: the weights in D/model are stored in gptq; leave --quantize out, or"
                + " give a folder with dense weights"),
        row(
            "LoftQ of stored four bits",
            p -> p.copy(Goldens.FOLDER.resolve("bnb/plain"), "model"),
            "--init loftq",
            "--init loftq needs the weights before they were quantised, and those in D/model are"
                + " stored in nf4; give the model they were made from with --quantize nf4, or leave"
                + " it out"),
        row(
            "full over another model",
            p -> p.copy(Goldens.FOLDER.resolve("llama/linear-rope/model"), "other"),
            "--method full --out D/other --overwrite",
            "--out D/other holds a model that is not a run of nudge; give another folder"),
        row(
            "an adapter over another model",
            p -> p.copy(Goldens.FOLDER.resolve("llama/linear-rope/model"), "other"),
            "--out D/other --overwrite",
            "--out D/other holds a model that is not a run of nudge; give another folder"));
  }

  @ParameterizedTest
  @MethodSource({"model", "families", "data", "adapter", "place", "flags"})
  void aMistakeOfTrainIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    for (String more : List.of("--dry-run", "--json")) {
      List<String> flags = new ArrayList<>(List.of(mistake.flags));
      flags.add(more);
      check(place.train(flags.toArray(String[]::new)), mistake.line);
      assertThat(place.listing()).isEqualTo(before);
    }
  }

  static Stream<Mistake> init() {
    return mistakes(
        """
        --config D/none.json
          D/none.json: there is no such file
        --out D/model
          --out D/model is not empty; give a new folder
        --vocab-size 300
          --vocab-size is given without --tokenizer-data; give both, or leave it out
        --tokenizer-data D/rows.jsonl --vocab-size 256
          --vocab-size is 256; it must be at least 257, 256 bytes and the end token
        --tokenizer-data D/rows.jsonl --config D/small.json
          D/small.json: vocab_size is 67; a tokenizer has at least 257 tokens, 256 bytes and the end
            token; set it, or --vocab-size
        --tokenizer-data D/none.txt
          D/none.txt does not exist; a file, a folder or a glob of rows is needed
        --tokenizer-data D/rows.jsonl
        rows.jsonl: {"text": "a"}
        rows.jsonl: {"label": "b"}
          D/rows.jsonl line 2: neither 'prompt' and 'completion' nor 'messages' nor 'text'; the
            columns are label; name them in braces, such as --prompt '{question}' --completion '
            {answer}'
        """,
        row(
            "a config of another family",
            p -> p.edit("model/config.json", "\"llama\"", "\"gpt2\""),
            "",
            "D/model/config.json: model_type \"gpt2\" is not supported; supported: " + FAMILIES),
        row(
            "a type that weights cannot have",
            p -> p.write("c.json", "{\"model_type\": \"llama\", \"torch_dtype\": \"int8\"}"),
            "--config D/c.json",
            "D/c.json: torch_dtype \"int8\" is not supported; supported: bfloat16, float16,"
                + " float32"),
        row(
            "a quantised config",
            p ->
                p.write(
                    "c.json",
                    "{\"model_type\": \"llama\", \"quantization_config\": {\"quant_method\":"
                        + " \"bitsandbytes\", \"load_in_4bit\": true, \"bnb_4bit_quant_type\":"
                        + " \"nf4\"}}"),
            "--config D/c.json",
            "D/c.json: quantization_config is given; a fresh model is dense, so leave it out"),
        row(
            "padding outside the vocabulary",
            p -> p.write("c.json", "{\"model_type\": \"llama\", \"pad_token_id\": 32000}"),
            "--config D/c.json",
            "D/c.json: pad_token_id is 32000; a token id below vocab_size 32000 is needed"),
        row(
            "an empty text",
            p -> p.write("empty.txt", "\n\n"),
            "--tokenizer-data D/empty.txt",
            "--tokenizer-data D/empty.txt holds no text; a tokenizer needs some"));
  }

  @ParameterizedTest
  @MethodSource("init")
  void aMistakeOfInitIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    place.write("small.json", "{\"model_type\": \"llama\", \"vocab_size\": 67}");
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    check(place.init(mistake.flags), mistake.line);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> answers() {
    return mistakes(
        """
        --model D/none
          D/none: no such model folder
        --data D/none.jsonl
          D/none.jsonl does not exist; a file, a folder or a glob of rows is needed
        --data D/rows.jsonl --prompt {text}
          D/rows.jsonl: 3 of 3 rows are bad
          D/rows.jsonl lines 1, 2, 3 (3 rows): no column 'text'; the columns are prompt, completion
        --adapter D/model
          D/model is not an adapter: it has no adapter_config.json; it is a model folder, which goes
            to --model
        --model_name_or_path D/model
          unknown flag --model_name_or_path for VERB; here it is --model
        --adapter-path D/other
          unknown flag --adapter-path for VERB; here it is --adapter
        --adapt D/other
          unknown flag --adapt for VERB; did you mean --adapter?
        --max-length 9 --max-length 9
          --max-length is given twice; give it once
        --quantize int8
          --quantize is 'int8'; supported: none, nf4
        """,
        row("adapter of another base", p -> strange(p, OTHER), "--adapter D/strange", ANOTHER_BASE),
        row(
            "adapter with a broken nudge.json",
            p -> strange(p, "{"),
            "--adapter D/strange",
            "D/strange/nudge.json cannot be read, so the adapter's base is not known; give"
                + " --any-base"),
        row(
            "adapter of a newer nudge",
            p -> strange(p, "{\"version\": 2}"),
            "--adapter D/strange",
            "D/strange/nudge.json: version is 2, this nudge reads 1; update nudge, or give"
                + " --any-base"),
        row(
            "adapter of another shape",
            BadInputTest::otherAdapter,
            "--adapter D/other",
            "adapter D/other: it is of another model: it has weights for layers 0 to 2, this model"
                + " has layers 0 to 1"),
        row("no adapter", p -> {}, "--adapter D/none", NO_ADAPTER),
        row(
            "a model that is left half replaced, with something in the way",
            p -> halfReplaced(p, "model"),
            "",
            HALF_REPLACED.formatted("model")),
        row(
            "an adapter that is left half replaced, with something in the way",
            p -> halfReplaced(p, "cut"),
            "--adapter D/cut",
            HALF_REPLACED.formatted("cut")),
        row(
            "no rows",
            p -> p.write("rows.jsonl", ""),
            "",
            "D/rows.jsonl holds no rows; a row is a JSON object, or a record below a header"));
  }

  @ParameterizedTest
  @MethodSource("answers")
  void aMistakeOfScoreAndGenerateIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    for (String verb : List.of("score", "generate")) {
      check(place.answer(verb, mistake.flags), mistake.line.replace("VERB", verb));
      assertThat(place.listing()).isEqualTo(before);
    }
  }

  private static final String NO_ADAPTER =
      "D/none does not exist; an adapter is the folder of a run, or one with adapter_config.json"
          + " and adapter_model.safetensors as PEFT saves it";

  static Stream<Mistake> releases() {
    return mistakes(
        """
        --model D/none
          D/none: no such model folder
        --data D/none.jsonl
          D/none.jsonl does not exist; a file, a folder or a glob of rows is needed
        --to int8
          --to is 'int8'; it must be one of dense, nf4, gptq, awq, gguf:f32, gguf:f16, gguf:bf16,
            gguf:q8_0, gguf:q4_0, gguf:q4_1, gguf:q4_k, gguf:q5_k, gguf:q6_k
        --to awq
          --calibration is missing; --to awq needs rows like those that the model will see
        --to gguf:q4_k --calibration D/rows.jsonl
          --calibration: --to gguf:q4_k has no use for it; leave it out, or give --to gptq or awq
        --to gptq --calibration D/none.jsonl
          D/none.jsonl does not exist; a file, a folder or a glob of rows is needed
        --tolerance -1
          --tolerance is -1; it must be 0 or more
        --tolerance NaN
          --tolerance is 'NaN'; it must be a number
        --out D/model --overwrite
          --out D/model is the --model folder; give another folder
        out/notes.txt: mine
          --out D/out is not empty; give a new folder, or --overwrite to write into it
        """,
        row("no adapter", p -> {}, "--adapter D/none", NO_ADAPTER),
        row("adapter of another base", p -> strange(p, OTHER), "--adapter D/strange", ANOTHER_BASE),
        row(
            "out is another model",
            p -> p.copy(Goldens.FOLDER.resolve("llama/minimal-f16/model"), "out"),
            "--overwrite",
            "--out D/out holds a model that nudge did not release; give another folder"));
  }

  @ParameterizedTest
  @MethodSource("releases")
  void aMistakeOfReleaseIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder).copy(Goldens.ADAPTER, "adapter");
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    check(place.release(mistake.flags), mistake.line);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> exports() {
    String there = " is there already; give another file, or --overwrite";
    return mistakes(
        """
        --model D/none
          D/none: no such model folder
        --model D/none.gguf
          D/none.gguf: no such file
        --type q9_9
          --type is 'q9_9'; supported: f32, f16, bf16, q8_0, q4_0, q4_1, q4_k, q5_k, q6_k
        --to onnx
          --to is 'onnx'; supported: gguf
        --out D/rows.jsonl --overwrite
          --out D/rows.jsonl is no GGUF file, so it is not replaced; give another file
        --out D/model
          --out D/model is a folder; give a file, such as D/model/model.gguf
        --adapter-only
          --adapter-only needs --adapter, which it writes
        --adapter D/adapter --adapter-only --type q4_k
          --type q4_k is for models; --adapter-only takes f32, f16 or bf16
        --open
          --open is for --push; leave it out
        --push hf:datasets/a/b
          'hf:datasets/a/b' cannot be published to; it must be hf:org/name
        --push hf:a/b
          --push publishes the folder of --out, and it holds adapter too; give --out in a folder of
            its own
        """,
        row("out is there", p -> {}, "--out D/rows.jsonl", "--out D/rows.jsonl" + there),
        row("no adapter", p -> {}, "--adapter D/none", NO_ADAPTER),
        row("adapter of another base", p -> strange(p, OTHER), "--adapter D/strange", ANOTHER_BASE),
        row(
            "no tokenizer",
            p -> Files.delete(p.path("model/tokenizer.json")),
            "",
            "--model D/model has no tokenizer.json, which a GGUF file needs; save the tokenizer"
                + " there"));
  }

  @ParameterizedTest
  @MethodSource("exports")
  void aMistakeOfExportIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder).copy(Goldens.ADAPTER, "adapter");
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    check(place.export(mistake.flags), mistake.line);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> merges() {
    return mistakes(
        """
        --model D/none
          D/none: no such model folder
        --adapter D/model
          D/model is not an adapter: it has no adapter_config.json; it is a model folder, which goes
            to --model
        --adapter D/adapter --adapter D/adapter --scale 1
          --scale is given for 1 of 2 adapters; give it once for each --adapter, in their order, or
            not at all
        --scale 1 --scale 2
          --scale is given for 2 of 1 adapters; give it once for each --adapter, in their order, or
            not at all
        --scale half
          --scale is 'half'; it must be a number
        --scale 1e999
          --scale is '1e999'; it must be a number
        --into base
          --into is 'base'; supported: trained, original
        --store int8
          --store is 'int8'; supported: base, nf4
        --tolerance -1
          --tolerance is -1; it must be 0 or more
        --into original --quantize nf4
          --into original and --quantize nf4 are both given; --into original takes the weights as
            they are stored, so leave one out
        --out D/model --overwrite
          --out D/model is the --model folder; give another folder
        --out D/adapter --overwrite
          --out D/adapter holds an adapter; give another folder
        out/notes.txt: mine
          --out D/out is not empty; give a new folder, or --overwrite to write into it
        --out D/rows.jsonl/out
          --out D/rows.jsonl/out cannot be made: D/rows.jsonl is a file; give another folder
        """,
        row("adapter of another base", p -> strange(p, OTHER), "--adapter D/strange", ANOTHER_BASE),
        row(
            "adapter with a broken nudge.json",
            p -> strange(p, "{"),
            "--adapter D/strange",
            "D/strange/nudge.json cannot be read, so the adapter's base is not known; give"
                + " --any-base"),
        row(
            "adapter of a newer nudge",
            p -> strange(p, "{\"version\": 2}"),
            "--adapter D/strange",
            "D/strange/nudge.json: version is 2, this nudge reads 1; update nudge, or give"
                + " --any-base"),
        row("no adapter", p -> {}, "--adapter D/none", NO_ADAPTER),
        row(
            "the second adapter of another shape",
            BadInputTest::otherAdapter,
            "--adapter D/adapter --adapter D/other",
            "adapter D/other: it is of another model: it has weights for layers 0 to 2, this model"
                + " has layers 0 to 1"),
        row(
            "out is another model",
            p -> p.copy(Goldens.FOLDER.resolve("llama/minimal-f16/model"), "out"),
            "--overwrite",
            "--out D/out holds a model that nudge did not merge; give another folder"),
        row(
            "out is left half replaced, with something in the way",
            p -> halfReplaced(p, "out"),
            "--overwrite",
            HALF_REPLACED.formatted("out")),
        row(
            "truncated weights",
            p -> cut(p.path("model/model.safetensors"), 100),
            "",
            "D/model/model.safetensors: header length 2032 is above the 92 bytes that follow it; is"
                + " the file truncated?"));
  }

  @ParameterizedTest
  @MethodSource("merges")
  void aMistakeOfMergeIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder).copy(Goldens.ADAPTER, "adapter");
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    check(place.merge(mistake.flags), mistake.line);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> evaluations() {
    return mistakes(
        """
        --tasks quizz
          --tasks: quizz is no task, group or tag of --tasks-dir and no .yaml file; did you mean
            quiz?
        --tasks leagl
          --tasks: leagl is no task, group or tag of --tasks-dir and no .yaml file; did you mean
            legal?
        --tasks zz_*
          --tasks: zz_* is no task, group or tag of --tasks-dir and no .yaml file
        --tasks quiz,,say
          --tasks is ''; it must not be blank
        --data-dir D/none
          --data-dir is D/none; there is no such folder
        --data-dir D/rows.jsonl
          --data-dir is D/rows.jsonl, a file; it must be a folder of documents
        data/acme/quiz/test.jsonl: : 1} => : 1
          D/data/acme/quiz/test.jsonl, line 2: it is no JSON; a document is an object on a line
        data/acme/quiz/test.jsonl: 5
          D/data/acme/quiz/test.jsonl, line 1: it is no JSON object; a document is an object on a
            line
        tasks/quiz.yaml: metric_list: [{metric: acc}] => metric_list: [{metric: acc}
          --tasks: quiz is no task, group or tag of --tasks-dir and no .yaml file; a file of that
            name is broken: D/tasks/quiz.yaml line 9, column 1: this is not YAML: expected ',' or
            ']', but got <stream end>
        tasks/quiz.yaml: doc_to_target => doc_to_traget
          D/tasks/quiz.yaml: doc_to_traget is no key of a task; did you mean doc_to_target,
            doc_to_image or doc_to_text?
        tasks/quiz.yaml: "{{q}}" => !function utils.text
          D/tasks/quiz.yaml: doc_to_text is Python (!function utils.text), which is not run here;
            export its documents to JSONL once, as docs/reference/evaluation.md shows, with a column
            of what it makes
        tasks/quiz.yaml: metric: acc => metric: acck
          D/tasks/quiz.yaml: metric_list: the metric acck is not known; there are acc, acc_bytes,
            acc_mutual_info, acc_norm, bits_per_byte, bleu, brier_score, bypass, byte_perplexity,
            chrf, chrf++, exact_match, f1, inst_level_loose_acc, inst_level_strict_acc,
            kl_from_base, macro_f1, mcc, micro_f1, perplexity, prompt_level_loose_acc,
            prompt_level_strict_acc, rouge1, rouge2, rougeL, rougeLsum, squad_f1, tatqa_em,
            tatqa_f1, ter, weighted_f1, word_perplexity; did you mean acc?
        tasks/quiz.yaml: multiple_choice => choices
          D/tasks/quiz.yaml: output_type is choices; it must be one of loglikelihood,
            multiple_choice, loglikelihood_rolling, generate_until
        tasks/quiz.yaml: {{q}} => {{q
          D/tasks/quiz.yaml: doc_to_text, line 1: a tag is not closed; it ends with '}}'
        --num-fewshot 9
          D/tasks/quiz.yaml: 9 documents are wanted to choose shots from, and there are 2; lower
            num_fewshot
        --num-fewshot -1
          --num-fewshot is -1; it must be at least 0
        --limit 0
          --limit is 0; it must be at least 1
        --tasks-dir D/none
          --tasks-dir is D/none; it must be a folder of task files
        --tasks all
        tasks/all.yaml: group: all
        tasks/all.yaml: task: []
          D/tasks/all.yaml: group all has no task in it
        --tasks all
        tasks/all.yaml: group: all
        tasks/all.yaml: task: [quizz]
          D/tasks/all.yaml: quizz is no task, group or tag of --tasks-dir and no .yaml file; did you
            mean quiz?
        --policy D/policy.yaml
          --policy is D/policy.yaml; there is no such file
        --policy D/policy.yaml
        policy.yaml: floor: [
          D/policy.yaml line 2, column 1: this is not YAML: expected the node content, but found
            '<stream end>'
        --policy D/policy.yaml
        policy.yaml: floors: {task: quiz}
          D/policy.yaml: 'floors' is no key there; there are confidence, improve, retain, floor,
            ceiling, judge, leakage, latency; did you mean floor?
        --policy D/policy.yaml
        policy.yaml: floor: {task: quizz, metric: acc, at_least: 1, judged_by: point}
          D/policy.yaml: floor names the task quizz, which is not evaluated; --tasks has quiz; did
            you mean quiz?
        --policy D/policy.yaml
        policy.yaml: floor: {task: quiz, metric: f1, at_least: 1, judged_by: point}
          D/policy.yaml: floor names the metric f1, which quiz does not have; it has acc, acc,none
        --tasks all --policy D/policy.yaml
        tasks/all.yaml: group: all
        tasks/all.yaml: task: [quiz]
        policy.yaml: floor: {task: all, metric: acc, at_least: 1, judged_by: point}
          D/policy.yaml: floor names the group all, which has no number of its own
            (aggregate_metric_list); name one of its tasks: quiz
        --policy D/policy.yaml
        policy.yaml: improve: {task: quiz, metric: acc}
          D/policy.yaml: improve, retain and judge compare a model with its base; give --adapter, or
            leave them out
        --policy D/policy.yaml
        policy.yaml: confidence: 0.5
        policy.yaml: floor: {task: quiz, metric: acc, at_least: 1, judged_by: bound}
          D/policy.yaml: confidence is 0.5; it must be above 0.5 and below 1
        --policy D/policy.yaml
        policy.yaml: leakage: {at_most: 0.01}
          D/policy.yaml: leakage asks what stands in the training set; give --train-data, or leave
            it out
        --out D/rows.jsonl
          --out D/rows.jsonl cannot be made: D/rows.jsonl is a file; give another folder
        --out D/rows.jsonl/out
          --out D/rows.jsonl/out cannot be made: D/rows.jsonl is a file; give another folder
        out/other.txt: x
          --out D/out holds something else than an evaluation; give another folder
        --train-data D/none.jsonl
          D/none.jsonl does not exist; a file, a folder or a glob of rows is needed
        --template chatml
          --template is given without --apply-chat-template; add it
        --no-fewshot-as-multiturn
          --fewshot-as-multiturn is given without --apply-chat-template; add it
        --apply-chat-template
          D/model has no chat template; name one by --template: a file, or alpaca, chatml, gemma,
            llama3, mistral, vicuna, zephyr
        --apply-chat-template --template chatmll
          --template chatmll is no file and no template; there are alpaca, chatml, gemma, llama3,
            mistral, vicuna, zephyr
        --model D/none
          D/none: no such model folder
        --task quiz
          unknown flag --task for eval; did you mean --tasks or --tasks-dir?
        """,
        row(
            "no documents",
            p -> Files.delete(p.path("data/acme/quiz/test.jsonl")),
            "",
            "D/tasks/quiz.yaml: the split test of the data set acme/quiz is not here: there "
                + "is no acme/quiz/test.jsonl in D/data, D/tasks, the working folder; export it "
                + "there and set --data-dir, as docs/reference/evaluation.md shows"),
        row(
            "empty documents",
            p -> p.write("data/acme/quiz/test.jsonl", ""),
            "",
            "D/tasks/quiz.yaml: the split test has no documents, in "
                + "D/data/acme/quiz/test.jsonl"),
        row(
            "a class of Python",
            p -> p.edit("tasks/quiz.yaml", "test_split", "class: !function task.Quiz\ntest_split"),
            "",
            "D/tasks/quiz.yaml: the task is a Python class (!function task.Quiz), which is "
                + "not run here; export its requests to a task of JSONL once, as "
                + "docs/reference/evaluation.md shows"),
        row(
            "an unknown filter",
            p ->
                p.edit(
                    "tasks/quiz.yaml",
                    "metric_list",
                    "filter_list: [{name: a, filter: [{function: squeeze}]}]\nmetric_list"),
            "",
            "D/tasks/quiz.yaml: filter_list: filter: the filter squeeze is not known; there "
                + "are lowercase, majority_vote, map, multi_choice_regex, regex, "
                + "remove_whitespace, take_first, take_first_k, uppercase"),
        row(
            "clusters of no one column",
            p -> p.edit("tasks/quiz.yaml", "metric_list", "metadata: {cluster: [q]}\nmetric_list"),
            "",
            "D/tasks/quiz.yaml: metadata: cluster is [q]; it must be the name of a column"),
        row(
            "a choice without tokens",
            p ->
                p.edit("tasks/quiz.yaml", "\"the valve\"", "\"\"")
                    .edit("tasks/quiz.yaml", "metric_list", "target_delimiter: \"\"\nmetric_list"),
            "",
            "D/tasks/quiz.yaml, document 0: continuation '' of context 'the pump' has no"
                + " tokens to score"),
        row(
            "an empty policy",
            p -> p.write("policy.yaml", ""),
            "--policy D/policy.yaml",
            "D/policy.yaml holds no rule; a policy has keys such as improve and retain"),
        row("no such adapter", p -> {}, "--adapter D/none", NO_ADAPTER),
        row(
            "an adapter of another base",
            p -> p.copy(Goldens.FOLDER.resolve("peft/rslora/adapter"), "other"),
            "--adapter D/other",
            "adapter D/other: it is of another model: "
                + "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight has 83 inputs, "
                + "this model's model.layers.0.mlp.down_proj has 72"),
        row(
            "the same adapter twice",
            p -> p.copy(Goldens.ADAPTER, "adapter"),
            "--adapter D/adapter --compare D/adapter",
            "--adapter and --compare are both D/adapter; give another adapter to compare "
                + "with"),
        row(
            "the same adapter twice, by other names",
            p -> p.copy(Goldens.ADAPTER, "adapter"),
            "--adapter D/adapter --compare D/adapter/",
            "--adapter and --compare are both D/adapter; give another adapter to compare "
                + "with"),
        row("no such adapter to compare with", p -> {}, "--compare D/none", NO_ADAPTER),
        row(
            "another base's adapter to compare with",
            p -> p.copy(Goldens.FOLDER.resolve("peft/rslora/adapter"), "other"),
            "--compare D/other",
            "adapter D/other: it is of another model: "
                + "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight has 83 inputs, "
                + "this model's model.layers.0.mlp.down_proj has 72"),
        row(
            "training data without a file",
            p -> Files.createDirectory(p.path("empty")),
            "--train-data D/empty",
            "D/empty holds no data; a file of it ends in .jsonl, .json, .csv, .tsv or "
                + ".parquet, perhaps with .gz"));
  }

  @ParameterizedTest
  @MethodSource("evaluations")
  void aMistakeOfEvalIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder).quiz();
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    check(place.evaluate(mistake.flags), mistake.line);
    assertThat(place.listing()).isEqualTo(before);
  }

  /// A sweep's file: a base, and what is tried.
  private static void sweep(Place p, String... lines) throws IOException {
    p.write(
        "sweep.yaml",
        "base: {model: %s, data: %s, eval_split: 0.4, steps: 4, compute: fp32, threads: 1}%n%s%n"
            .formatted(p.path("model"), p.path("rows.jsonl"), String.join("\n", lines)));
  }

  static Stream<Mistake> sweeps() {
    String grid = "grid: {rank: [4, 8]}";
    String halving = "D/sweep.yaml: halving: ";
    return Stream.of(
        row("no file", p -> {}, "D/none.yaml", "FILE is D/none.yaml; there is no such file"),
        row(
            "no YAML",
            p -> p.write("sweep.yaml", "a: [1"),
            "",
            "D/sweep.yaml line 1, column 6: a list or map in brackets is not closed before this"),
        row(
            "nothing to try",
            p -> sweep(p),
            "",
            "D/sweep.yaml: it names nothing to try; give one of grid, list and random"),
        row(
            "two kinds",
            p -> sweep(p, grid, "list: [{rank: 4}]"),
            "",
            "D/sweep.yaml: grid and list are given; give one of them"),
        row(
            "an unknown part",
            p -> sweep(p, "grd: {rank: [4, 8]}"),
            "",
            "D/sweep.yaml: unknown key 'grd'; did you mean grid?"),
        row(
            "no base",
            p -> p.write("sweep.yaml", grid),
            "",
            "D/sweep.yaml: base is missing; it holds the settings of train that all share, such as"
                + " model and data"),
        row(
            "a folder in the base",
            p -> p.write("sweep.yaml", "base: {out: x}\n" + grid),
            "",
            "D/sweep.yaml: base has out, which is the sweep's; leave it out"),
        row(
            "one value",
            p -> sweep(p, "grid: {rank: 4}"),
            "",
            "D/sweep.yaml: grid: rank is 4; it must be a list of values"),
        row(
            "an unknown setting",
            p -> sweep(p, "grid: {rnk: [4, 8]}"),
            "",
            "setting rnk=4: D/sweep.yaml: unknown key 'rnk'; did you mean rank?"),
        row(
            "a setting that train refuses",
            p -> sweep(p, "grid: {rank: [4, 0]}"),
            "",
            "setting rank=0: --rank is 0; it must be at least 1 (in D/sweep.yaml)"),
        row(
            "a setting that its model refuses",
            p -> sweep(p, "list: [{}, {targets: q_prj}]"),
            "",
            "setting targets=q_prj: target 'q_prj' matches no linear layer of the model; did you"
                + " mean q_proj, k_proj or o_proj?"),
        row(
            "a variant that excludes another setting",
            p -> sweep(p, "list: [{}, {dora: true, dropout: 0.1}]"),
            "",
            "setting dora=true-dropout=0.1: --dropout 0.1 is given with --dora, which trains"
                + " without dropout; leave one out (in D/sweep.yaml)"),
        row(
            "the same twice",
            p -> sweep(p, "grid: {rank: [4, 4]}"),
            "",
            "D/sweep.yaml: rank=4 is there twice; leave one out"),
        row(
            "no held-out rows",
            p -> {
              sweep(p, grid);
              p.edit("sweep.yaml", "eval_split: 0.4, ", "");
            },
            "",
            "D/sweep.yaml: metric eval_loss needs held-out rows; add eval_data or eval_split to"
                + " base"),
        row(
            "another metric",
            p -> sweep(p, grid, "metric: accuracy"),
            "",
            "D/sweep.yaml: metric is accuracy; it must be eval_loss, or an evaluation such as"
                + " {task: tickets.yaml, metric: exact_match}"),
        row(
            "half an evaluation as metric",
            p -> sweep(p, grid, "metric: {task: quiz}"),
            "",
            "D/sweep.yaml: metric: metric is not given; it must be a text"),
        row(
            "an evaluation of no task",
            p -> sweep(p, grid, "metric: {task: retentoin, metric: acc}"),
            "",
            "D/sweep.yaml: metric: task retentoin is no task, group or tag that comes with nudge"
                + " and no .yaml file; did you mean retention?"),
        row(
            "an evaluation of several tasks",
            p -> sweep(p, grid, "metric: {task: retention, metric: acc}"),
            "",
            "D/sweep.yaml: metric: task retention is 4 tasks; name one of retention_knowledge,"
                + " retention_instructions, retention_text, retention_prose"),
        row(
            "a metric that a task lacks",
            p -> sweep(p, grid, "metric: {task: retention_knowledge, metric: f1}"),
            "",
            "D/sweep.yaml: metric: retention_knowledge has no mean over documents called f1; it"
                + " has acc, acc_norm"),
        row(
            "halving keeps all",
            p -> sweep(p, grid, "halving: {keep: 1, at: [2]}"),
            "",
            halving + "keep is 1; it must be a share above 0 and below 1, such as 0.5"),
        row(
            "halving at no step",
            p -> sweep(p, grid, "halving: {keep: 0.5, at: [2, 1]}"),
            "",
            halving + "at is [2,1]; it must be a list of ascending steps, such as [100, 200]"),
        row(
            "halving at the end",
            p -> sweep(p, grid, "halving: {keep: 0.5, at: [4]}"),
            "",
            halving + "at has 4, and rank=4 has only 4 steps; give steps before its end"),
        row(
            "halving on other rows",
            p -> sweep(p, "grid: {seed: [1, 2, 3, 4]}", "halving: {keep: 0.5, at: [2]}"),
            "",
            "D/sweep.yaml: halving compares on the same rows, and the held-out rows of seed=1 and"
                + " seed=2 differ; leave it out, or give eval_data"),
        row(
            "halving with no checkpoint to go on from",
            p -> sweep(p, "list: [{}, {keep: 0}]", "halving: {keep: 0.5, at: [2]}"),
            "",
            "D/sweep.yaml: halving goes on from checkpoints, of which keep: 0 keeps none; give at"
                + " least 1"),
        row(
            "a range backwards",
            p -> sweep(p, "random: {count: 2, learning_rate: {log: [1e-3, 1e-4]}}"),
            "",
            "D/sweep.yaml: random: learning_rate is {\"log\":[0.001,1.0E-4]}; it must be a list of"
                + " values, {log: [low, high]} or {uniform: [low, high]}"),
        row(
            "too many to draw",
            p -> sweep(p, "random: {count: 3, rank: [4, 8]}"),
            "",
            "D/sweep.yaml: random: count is 3, and there are only 2 different settings"),
        row(
            "an empty list",
            p -> sweep(p, "list: []"),
            "",
            "D/sweep.yaml: list is []; it must be a list of settings, such as [{rank: 8}]"),
        row(
            "a file of the sweep as name",
            p -> sweep(p, "list: [{name: sweep.json, rank: 4}]"),
            "",
            "D/sweep.yaml: list: name is 'sweep.json', which is a file of the sweep; give another"),
        row(
            "a path as name",
            p -> sweep(p, "list: [{name: ../x, rank: 4}]"),
            "",
            "D/sweep.yaml: list: name is '../x'; it must be letters, digits, '.', '_', '=', '-' and"
                + " not begin with '.'"),
        row(
            "no number of draws",
            p -> sweep(p, "random: {count: 0, rank: [4, 8]}"),
            "",
            "D/sweep.yaml: random: count is 0; it must be a whole number, at least 1"),
        row(
            "a seed that is no number",
            p -> sweep(p, "random: {count: 2, seed: x, rank: [4, 8]}"),
            "",
            "D/sweep.yaml: random: seed is x; it must be a whole number, at least 0"),
        row(
            "nothing to draw",
            p -> sweep(p, "random: {count: 2, seed: 1}"),
            "",
            "D/sweep.yaml: random has no axis; give one, such as learning_rate: {log: [1e-5,"
                + " 1e-3]}"),
        row(
            "an unknown key of halving",
            p -> sweep(p, grid, "halving: {keeps: 0.5, at: [2]}"),
            "",
            "D/sweep.yaml: halving has 'keeps'; it has keep and at"),
        row(
            "an unknown key of metric",
            p -> sweep(p, grid, "metric: {task: quiz, metrics: acc}"),
            "",
            "D/sweep.yaml: metric has 'metrics'; it has task, metric, data_dir, limit"),
        row(
            "a limit of no document",
            p -> sweep(p, grid, "metric: {task: quiz, metric: acc, limit: 0}"),
            "",
            "D/sweep.yaml: metric: limit is 0; it must be a number of documents"),
        row(
            "all weights into a registry",
            p -> sweep(p, "grid: {learning_rate: [1e-4, 1e-3], method: [full]}"),
            "--push a --registry D/registry",
            "D/sweep.yaml: learning_rate=0.0001-method=full trains all weights, and a registry"
                + " keeps adapters; leave --push out"),
        row(
            "a protected alias",
            p -> {
              sweep(p, grid);
              Registry to = Registry.open(p.path("registry"));
              to.push("a", Goldens.ADAPTER, Note.of("test"));
              to.protect("a", "best", null, Note.of("test"));
            },
            "--push a@best --registry D/registry",
            "--push a@best: the alias is protected and moves by a gate's verdict; push to a, and"
                + " move it by adapters push --report"),
        row(
            "an alias of another base",
            p -> {
              sweep(p, grid);
              Registry to = Registry.open(p.path("registry"));
              Path other = MadeAdapters.on(p.path("other"), 1, "sha256:" + "e".repeat(64));
              Version version = to.push("a", other, Note.of("test")).version();
              to.alias("a", "best", version, Alias.Expected.ANY, Note.of("test"));
            },
            "--push a@best --registry D/registry",
            "the new version's base is %s, that of a:1 is base sha256:eeeeeeeeeeee; a server of one base cannot serve both, so a@best stays at version 1; give --any-base to move it"
                .formatted(Sha256.shown(Identity.common(Goldens.MODEL, Backends.cache())))),
        row(
            "nowhere to push",
            p -> sweep(p, grid),
            "--push a@b@c",
            "--push is 'a@b@c'; it must be an adapter's name, with or without an alias, as in"
                + " support@champion"),
        row(
            "a file as registry",
            p -> sweep(p, grid),
            "--push a --registry D/rows.jsonl",
            "--registry D/rows.jsonl cannot be made: D/rows.jsonl is a file; give another folder"),
        row(
            "another folder as registry",
            p -> sweep(p, grid),
            "--push a --registry D/model",
            "--registry D/model is no registry: it holds other files; give an empty folder, or one"
                + " that nudge made"),
        row(
            "nothing to go on with",
            p -> sweep(p, grid),
            "--resume",
            "--resume: --out D/out holds no sweep to go on with; leave --resume out to begin one"),
        row(
            "something else in the place",
            p -> {
              sweep(p, grid);
              p.write("out/notes.txt", "mine");
            },
            "",
            "--out D/out is not empty; give a new folder"));
  }

  @ParameterizedTest
  @MethodSource("sweeps")
  void aMistakeOfSweepIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    List<String> line = new ArrayList<>(List.of("sweep"));
    if (mistake.flags.length == 0 || mistake.flags[0].startsWith("--")) {
      line.add("D/sweep.yaml");
    }
    line.addAll(List.of(mistake.flags));
    line.addAll(List.of("--out", "D/out"));
    check(place.run(line.toArray(String[]::new)), mistake.line);
    assertThat(place.listing()).isEqualTo(before);
  }

  /// A registry with a champion, support:1, and support:2, which is blocked.
  private static final String MISSING = "; versions of support are 1, 2, aliases champion";

  private static void registry(Place p) throws IOException {
    p.copy(Goldens.ADAPTER, "adapter");
    p.copy(Goldens.FOLDER.resolve("peft/rslora/adapter"), "other");
    for (String line :
        List.of(
            "push support D/adapter --alias champion",
            "push support D/other",
            "state support:2 blocked --why leaks")) {
      List<String> words = new ArrayList<>(List.of(("adapters " + line).split(" ")));
      words.addAll(List.of("--registry", "D/registry"));
      assertThat(p.run(words.toArray(String[]::new)).code()).isZero();
    }
  }

  static Stream<Mistake> registries() {
    String reference = "; give NAME@ALIAS, NAME:VERSION or NAME@sha256:…";
    return mistakes(
        """
        push a
          PATH is missing; it is required
        push a D/adapter b
          unexpected argument 'b'; adapters push takes NAME PATH, see nudge adapters push --help
        push a/b D/adapter
          NAME is 'a/b'; it must be letters, digits and . _ - between them, at most 128
        push a D/model
          D/model is not an adapter: it has no adapter_config.json; it is a model folder, which goes
            to --model
        push a D/adapter --registry D/model
          --registry D/model is no registry: it holds other files; give an empty folder, or one that
            nudge made
        push a D/adapter --registry D/rows.jsonl/x
          --registry D/rows.jsonl/x cannot be made: D/rows.jsonl is a file; give another folder
        push a D/adapter --report D/none
          --report D/none is no file
        push a D/adapter --alias a:b
          --alias is 'a:b'; it must be letters, digits and . _ - between them, at most 128
        show suport
          there is no adapter 'suport' in the registry D/registry; did you mean support?
        show support --registry D/none
          there is no adapter 'support' in the registry D/none, which is empty; nudge adapters push
            fills it, --registry names another
        gc --registry D/none
          there is no registry at D/none; nudge adapters push makes one, --registry names another
        export support --out D/x
          'support' names no version; give support@ALIAS, support:VERSION or support@sha256:…
        export support@sha256:12ab --out D/x
          'support@sha256:12ab' names no version: a digest is sha256: and 64 hex digits, or at least
            the first 8 of them
        show support@sha256:12ab
          'support@sha256:12ab' names no version: a digest is sha256: and 64 hex digits, or at least
            the first 8 of them
        rm support@sha256:12ab
          'support@sha256:12ab' names no version: a digest is sha256: and 64 hex digits, or at least
            the first 8 of them
        alias support:1 2
          NAME@ALIAS is 'support:1'; it must be an adapter's name and an alias, as in
            support@champion
        rollback support
          NAME@ALIAS is 'support'; it must be an adapter's name and an alias, as in support@champion
        alias support@champion 1 --expect none
          support@champion is at version 1, not at no version as expected; it stays there
        alias support@champion 2
          support:2 is blocked; an alias cannot be at it
        protect support:1
          NAME@ALIAS is 'support:1'; it must be an adapter's name and an alias, as in
            support@champion
        protect support@champion --policy none.yaml
          --policy is none.yaml; there is no such file
        protect support@champion --policy none.yaml --off
          --off takes the protection away and --policy sets it; give one
        protect support@champion --off
          taking the protection of an alias away needs a reason; give --why
        alias support@champion 1 --override
          an override of a protected alias needs a reason; give --why
        rollback support@champion
          support@champion was at no other version before that can be used; it stays at version 1;
            adapters alias points it at another
        state support:1 good
          STATE is 'good'; supported: registered, validated, deployed, retired, blocked
        log nobody
          there is no adapter 'nobody' in the registry D/registry
        rm support:2
          adapters rm would remove support:2; add --yes
        rm support --yes
          support:1 stays: support@champion is at it; move the alias, or take it away with nudge
            adapters alias support@champion none
        export support:1 --out D/model
          --out D/model exists and is not empty; give another folder, or --overwrite
        export support:2 --out D/x
          support:2 is blocked (leaks); name another version, or roll the alias back
        pull a https://ghcr.io/a
          'https://ghcr.io/a' is a URL; give oci://HOST/NAME[:TAG], a .tar file or a folder
        pull a oci://localhost:5000
          'oci://localhost:5000' names no repository; it must be oci://HOST[:PORT]/NAME[:TAG], the
            name in lower case
        pull a D/none
          D/none does not exist; give a folder, a .tar or oci://HOST/NAME
        pull a D/adapter --registry D/new
          D/adapter is an adapter's folder; nudge adapters push takes it
        pull a D/model --registry D/new
          D/model is no OCI image layout: it has no oci-layout
        pull a D/registry --tag x --registry D/new
          D/registry holds no model of the tag 'x'; give --tag one of support:1, support:2,
            support@champion
        publish support:1 D/registry
          D/registry is a registry of nudge; pull from it there, or give another folder
        publish support:1 D/model
          D/model is no OCI image layout and not empty; give another folder
        publish support:1 D/x --tag a:b
          --tag is 'a:b'; it must be letters, digits and . _ -, at most 128
        publish support:1 oci://localhost:1/a --credentials D/model/config.json
          --credentials D/model/config.json must hold USER:PASSWORD on a line
        inspect D/model
          D/model is not an adapter: it has no adapter_config.json; it is a model folder, which goes
            to --model
        diff support:1
          ADAPTER is given 1 times; give two adapters to compare
        combine D/adapter D/other --weight 1 --out D/x
          --weight is given for 1 of 2 adapters; give it once for each, in their order, or not at
            all
        combine D/adapter --weight x --out D/x
          --weight is 'x'; it must be a number
        combine D/adapter D/other --rank 0 --out D/x
          --rank is 0; it must be at least 1
        combine D/adapter D/other --out D/model
          --out D/model exists and is not empty; give another folder
        """,
        row(
            "an adapter with a broken nudge.json is pushed",
            p -> p.write("adapter/nudge.json", "{"),
            "push a D/adapter",
            "D/adapter/nudge.json cannot be read, so the adapter's base is not known; give"
                + " --any-base"),
        row(
            "an adapter of links, as a hub's cache has it",
            p -> {
              Files.move(p.path("adapter/adapter_model.safetensors"), p.path("blob.safetensors"));
              Files.createSymbolicLink(
                  p.path("adapter/adapter_model.safetensors"), p.path("blob.safetensors"));
            },
            "push a D/adapter",
            "adapter D/adapter: adapter_model.safetensors is a link, and links are not followed;"
                + " copy the folder with what they lead to (cp -rL) and push the copy"),
        row(
            "a version that is not there",
            p -> {},
            "show support:9",
            "there is no support:9" + MISSING),
        row(
            "an alias that is not there",
            p -> {},
            "export support@canary --out D/x",
            "there is no support@canary" + MISSING),
        row(
            "no reference",
            p -> {},
            "export ../support@champion --out D/x",
            "'../support@champion' names no version of an adapter" + reference),
        row(
            "an alias to nothing",
            p -> {},
            "alias support@champion 7",
            "there is no support:7" + MISSING),
        row(
            "a rollback of nothing",
            p -> {},
            "rollback support@canary",
            "there is no support@canary" + MISSING),
        row(
            "an archive that is none",
            p -> p.write("a.tar", "text".repeat(200)),
            "pull a D/a.tar --registry D/new",
            "D/a.tar: is no tar archive, or damaged: the sum of a header is another"),
        row(
            "an archive that is there",
            p -> p.write("a.tar", ""),
            "publish support:1 D/a.tar",
            "D/a.tar exists; give another name, or remove it"));
  }

  @ParameterizedTest
  @MethodSource("registries")
  void aMistakeOfAdaptersIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    registry(place);
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    List<String> line = new ArrayList<>(List.of("adapters"));
    line.addAll(List.of(mistake.flags));
    if (!line.contains("--registry")
        && !List.of("inspect", "diff", "combine").contains(line.get(1))) {
      line.addAll(List.of("--registry", "D/registry"));
    }
    check(place.run(line.toArray(String[]::new)), mistake.line);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> references() {
    return Stream.of(
        row(
            "an adapter that is not there",
            p -> {},
            "--adapter sales@champion",
            "there is no adapter 'sales' in the registry D/registry; and there is no folder"
                + " sales@champion"),
        row(
            "an alias that is not there",
            p -> {},
            "--adapter support@canary",
            "there is no support@canary" + MISSING + "; and there is no folder support@canary"),
        row(
            "a version that is blocked",
            p -> {},
            "--adapter registry:support:2",
            "support:2 is blocked (leaks); name another version, or roll the alias back"));
  }

  @ParameterizedTest
  @MethodSource("references")
  void aMistakeInAReferenceIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    registry(place);
    Map<String, String> before = place.listing();
    List<String> flags = new ArrayList<>(List.of(mistake.flags));
    flags.addAll(List.of("--registry", "D/registry"));
    for (String verb : List.of("score", "generate")) {
      check(place.answer(verb, flags.toArray(String[]::new)), mistake.line);
    }
    check(place.merge(flags.toArray(String[]::new)), mistake.line);
    flags.set(0, "--init-adapter");
    check(place.train(flags.toArray(String[]::new)), mistake.line);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> quickstarts() {
    return mistakes(
        """
        --model D/none
          D/none: no such model folder
        --keep D/kept
        kept/mine.txt: mine
          --keep D/kept is not empty; give a new folder
        --keep D/rows.jsonl/kept
          --keep D/rows.jsonl/kept cannot be made: D/rows.jsonl is a file; give another folder
        --keep D/kept
          the quickstart's prompts and answers take up to 1018 tokens of this model's tokenizer, and
            it allows 512; give --model a model with more room
        --rank 8
          unknown flag --rank for quickstart; see nudge quickstart --help
        """);
  }

  @ParameterizedTest
  @MethodSource("quickstarts")
  void aMistakeOfQuickstartIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    List<String> line = new ArrayList<>(List.of("quickstart"));
    line.addAll(List.of(mistake.flags));
    if (!line.contains("--model")) {
      line.addAll(List.of("--model", "D/model"));
    }
    check(place.run(line.toArray(String[]::new)), mistake.line);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> experiments() {
    String server = " --server http://127.0.0.1:9";
    return mistakes(
        """
        list --store D/none
          D/none: no such folder; give that of nudge serve --experiments
        stop x --store D/model
          D/model: there is no experiment 'x': there is none at all
        list --store D/model --admin-key-file D/rows.jsonl
          --admin-key-file goes with --server; leave it out
        list --server localhost:8080
          --server is 'localhost:8080'; it must be a URL such as http://127.0.0.1:8080
        """,
        row(
            "two places",
            p -> {},
            "show x --store D/model" + server,
            "--server and --store are both given; give one of them"),
        row(
            "a log that is damaged",
            p -> p.write("store/x.jsonl", "broken\n" + EMPTY_RECORD),
            "list --store D/store",
            "D/store/x.jsonl is damaged at byte 0, and what follows is whole; bring it back from a"
                + " copy, or move it away"),
        row(
            "a log of another kind",
            p -> p.write("store/x.jsonl", EMPTY_RECORD),
            "list --store D/store",
            "D/store/x.jsonl holds a record that this nudge does not know; it is of a newer one"),
        row(
            "no key file",
            p -> {},
            "list --admin-key-file D/none" + server,
            "--admin-key-file D/none cannot be read"),
        row(
            "an empty key file",
            p -> p.write("key", "\n"),
            "list --admin-key-file D/key" + server,
            "--admin-key-file D/key has no key on its first line; it is printable ASCII without"
                + " spaces"),
        row(
            "the digest of a key",
            p -> p.write("key", "sha256:" + "0".repeat(64)),
            "list --admin-key-file D/key" + server,
            "--admin-key-file D/key holds the digest of a key, which a server knows it by; give a"
                + " file with the key itself"),
        row("no name", p -> {}, "show" + server, "NAME is missing; it is required"),
        row(
            "one arm",
            p -> {},
            "create x --arm A=a" + server,
            "--arm is given once; give it for two arms at least, such as --arm A=support@champion"
                + " --arm B=support@canary"),
        row(
            "an arm without an adapter",
            p -> {},
            "create x --arm A=a --arm B" + server,
            "--arm is 'B'; it must be ARM=ADAPTER"),
        row(
            "weights of others",
            p -> {},
            "create x --arm A=a --arm B=b --weights 1,2,3" + server,
            "--weights has 3 numbers for 2 arms; give one for each"),
        row(
            "weights that are none",
            p -> {},
            "create x --arm A=a --arm B=b --weights 1,half" + server,
            "--weights is '1,half'; it must be whole numbers with commas between them"),
        row(
            "a guardrail without a share",
            p -> {},
            "create x --arm A=a --arm B=b --guardrail error_rate" + server,
            "--guardrail is 'error_rate'; it must be METRIC=X, such as error_rate=0.25"),
        row(
            "another mode",
            p -> {},
            "create x --arm A=a --arm B=b --mode bandit" + server,
            "--mode is 'bandit'; supported: ab, canary, shadow"));
  }

  private static final String EMPTY_RECORD = "{\"crc\":\"297bd0aa\",\"record\":{}}\n";

  @ParameterizedTest
  @MethodSource("experiments")
  void aMistakeOfExperimentsIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    List<String> line = new ArrayList<>(List.of("experiments"));
    line.addAll(List.of(mistake.flags));
    check(place.run(line.toArray(String[]::new)), mistake.line);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> previews() {
    return mistakes(
        """
        --model D/none
          D/none: no such model folder
        --limit 0
          --limit is 0; it must be at least 1
        --ask-base 0
          --ask-base is 0; it must be at least 1
        --html D/rows.jsonl
          --html D/rows.jsonl exists and is no page of data preview; give another file
        --html D/model
          --html D/model is a folder; give a file
        --html D/none/page.html
          --html D/none/page.html: there is no folder D/none
        --rank 8
          unknown flag --rank for data preview; see nudge data preview --help
        """,
        row(
            "no tokenizer",
            p -> Files.delete(p.path("model/tokenizer.json")),
            "",
            "D/model has no tokenizer.json; save the tokenizer there with transformers, or copy"
                + " it"));
  }

  @ParameterizedTest
  @MethodSource("previews")
  void aMistakeOfPreviewIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    List<String> line = new ArrayList<>(List.of("data", "preview"));
    for (String flag : List.of("--model D/model", "--data D/rows.jsonl")) {
      if (!List.of(mistake.flags).contains(flag.split(" ")[0])) {
        line.addAll(List.of(flag.split(" ")));
      }
    }
    line.addAll(List.of(mistake.flags));
    check(place.run(line.toArray(String[]::new)), mistake.line);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> feedbacks() {
    String answer =
        "{\"kind\":\"answer\",\"id\":\"a\",\"prompt\":\"q\",\"answers\":[\"x\"],\"finish\":[\"stop\"]}\n";
    String said = "{\"kind\":\"feedback\",\"id\":\"%s\",\"choice\":0,\"score\":%s}\n";
    String file = "captured/anonymous/teams/2026-11-30.jsonl";
    return mistakes(
        """
        --out D/out
          CAPTURED is missing; it is required
        D/model
          --out is missing; it is required
        D/none --out D/out
          D/none is no folder; give the one of serve --capture
        D/model --out D/out
          D/model has 0 answers and 0 opinions, of which no row can be made; users rate answers by
            POST /v1/feedback
        D/model --out D/rows.jsonl
          --out D/rows.jsonl cannot be made: D/rows.jsonl is a file; give another folder
        """,
        row(
            "nothing of which a row can be made",
            p -> p.write(file, answer + said.formatted("a", 0.5) + said.formatted("gone", 1)),
            "D/captured --out D/out",
            "D/captured has 1 answer and 2 opinions, of which no row can be made: 1 no answer is"
                + " kept; 1 a score of 0.5"),
        row(
            "no such adapter",
            p -> p.write(file, answer + said.formatted("a", 1)),
            "D/captured --adapter legal --out D/out",
            "D/captured has 0 answers and 0 opinions, of which no row can be made; users rate"
                + " answers by POST /v1/feedback"),
        row(
            "rows that are there",
            p -> p.write(file, answer + said.formatted("a", 1)).write("out/kto.jsonl", "mine"),
            "D/captured --out D/out",
            "D/out/kto.jsonl is there already; give another --out, or --overwrite to replace it"));
  }

  @ParameterizedTest
  @MethodSource("feedbacks")
  void aMistakeOfFeedbackIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    List<String> line = new ArrayList<>(List.of("data", "from-feedback"));
    line.addAll(List.of(mistake.flags));
    check(place.run(line.toArray(String[]::new)), mistake.line);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> serves() {
    String keys = "--api-keys D/keys.json";
    return mistakes(
        """
        --adapter D/adapter
          --adapter is 'D/adapter'; it must be NAME=FOLDER or NAME=REFERENCE, as in
            support=runs/support
        --adapter one=D/none
          --adapter one=D/none: there is no such folder, and no such reference; give a PEFT folder,
            or NAME@ALIAS with --registry
        --registry D/registry --adapter one=legal@champion
          --adapter one=legal@champion: the registry D/registry has no such version; nudge adapters
            list --registry D/registry says what it has
        --adapter one=D/model
          D/model has no adapter_config.json; give an adapter's folder
        --port 70000
          --port is 70000; it must be from 0 to 65535
        --host 203.0.113.1
          --host 203.0.113.1 --port 0 cannot be listened on: Cannot assign requested address; give
            another --port, or 0 for a free one
        --tls-key D/key.pem
          --tls-key is given without --tls-cert; give both, or none
        --merge-adapter support
          --merge-adapter is 'support'; it must be the name of an --adapter
        --adapter-root D/none
          --adapter-root D/none is not a folder
        --capture-days 3
          --capture is missing beside other flags of capture; give it a folder, or leave them out
        --capture D/captured --capture-days 0
          --capture-days is 0; it must be from 1 to 3650
        --capture D/rows.jsonl
          --capture D/rows.jsonl cannot be made: D/rows.jsonl is a file; give another folder
        --audit-log D/none/log.jsonl
          --audit-log D/none/log.jsonl cannot be written: no such file or folder
        --audit-log-size 1K
          --audit-log-size is 1024; it must be at least 4K
        """,
        row(
            "a template that is none",
            p -> {},
            "--template nope",
            "--template nope is no file and no template; there are "
                + String.join(", ", ChatTemplate.knownNames())),
        row(
            "an adapter of another base",
            p -> strange(p, OTHER),
            "--adapter one=D/strange",
            ANOTHER_BASE),
        row(
            "an adapter that is called as the base",
            p -> p.copy(Goldens.ADAPTER, "adapter"),
            "--adapter model=D/adapter",
            "--adapter: 'model' is what the base is called; give the adapter another name, or the"
                + " base one by --served-model-name"),
        row(
            "a certificate that is none",
            p -> p.write("cert.pem", "x").write("key.pem", "x"),
            "--tls-cert D/cert.pem --tls-key D/key.pem",
            "--tls-cert D/cert.pem holds no certificate in PEM"),
        row(
            "no file of clients",
            p -> {},
            keys,
            "--api-keys D/keys.json cannot be read: no such file or folder"),
        row(
            "a file of clients that is not JSON",
            p -> p.write("keys.json", "{"),
            keys,
            "D/keys.json is not JSON, line 1, column 2: it ends before its closing brace; make it"
                + " with nudge keys add"),
        row(
            "a client without a key",
            p -> p.write("keys.json", "{\"clients\": [{\"name\": \"acme\"}]}"),
            keys,
            "D/keys.json: a client needs a name, and a key of the form sha256:…, 64 hex digits"),
        row(
            "an admin key that is too short",
            p -> p.write("admin", "secret"),
            "--admin-key-file D/admin",
            "--admin-key-file D/admin holds 6 characters; a key has at least 16, as nudge keys add"
                + " makes it"));
  }

  @ParameterizedTest
  @MethodSource("serves")
  void aMistakeOfServeIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    List<String> command =
        new ArrayList<>(
            List.of("serve", "--model", "D/model", "--compute", "fp32", "--threads", "1"));
    if (!List.of(mistake.flags).contains("--port")) {
      command.addAll(List.of("--port", "0"));
    }
    command.addAll(List.of(mistake.flags));
    check(place.run(command.toArray(String[]::new)), mistake.line);
    assertThat(place.listing()).isEqualTo(before);
  }

  @Test
  void memoryWithoutRoomForAnAnswerIsOneLineWithTheLeastThatHas() throws IOException {
    Place place = Place.in(folder);
    Ran ran =
        place.run(
            "serve --model D/model --compute fp32 --threads 1 --port 0 --memory 64K".split(" "));
    assertThat(ran.err())
        .matches(
            "nudge: --memory 64 KiB: the KV cache holds only 0 tokens beside weights and workspace;"
                + " a short conversation has 256; give --memory [1-9]\\d*K or more, or a lower"
                + " --max-model-len\n");
    assertThat(ran.out()).isEmpty();
    assertThat(ran.code()).isEqualTo(2);
  }

  @Test
  void aTextWithoutRoomToBeEmbeddedIsOneLineBehindThePlan() throws IOException {
    Place place = Place.in(folder);
    String text = "word ".repeat(40);
    Ran ran =
        place.run(
            "generate",
            "--model",
            "D/model",
            "--compute",
            "fp32",
            "--embed",
            "--prompt",
            text,
            "--memory",
            "1K");
    assertThat(ran.err())
        .matches(
            "KV cache: .+\nnudge: a text of \\d+ tokens needs a workspace of \\S+ \\S+ to be"
                + " embedded, and there is memory for 0 KiB; shorten it or raise --memory\n");
    assertThat(ran.out()).isEmpty();
    assertThat(ran.code()).isEqualTo(2);
  }

  @Test
  void aLengthAboveTheModelsIsWarnedOfByTheFlagOfServe() throws IOException {
    Place place = Place.in(folder);
    Ran ran =
        place.run(
            "serve --model D/model --compute fp32 --threads 1 --port 0 --memory 64K --max-model-len 99999"
                .split(" "));
    assertThat(ran.err())
        .startsWith(
            "nudge: warning: --max-model-len 99999 is above the model's max_position_embeddings, ");
    assertThat(ran.code()).isEqualTo(2);
  }

  static Stream<Mistake> plans() {
    return mistakes(
        """
        model/config.json: "num_hidden_layers": 2 => "num_hidden_layers": 3
          D/model has no tensor model.layers.2.input_layernorm.weight, which its config.json calls
            for
        --eval-data D/rows.jsonl
          --eval-data is given without rows; add --data
        --data D/rows.jsonl --eval-data D/none.jsonl
          D/none.jsonl does not exist; a file, a folder or a glob of rows is needed
        --model qwen2.5-7b --data D/rows.jsonl
          --data needs a tokenizer, and qwen2.5-7b is a shape only; give --tokens instead
        --load_in_4bit
          unknown flag --load_in_4bit for plan; here it is --quantize nf4
        --output_dir D/out
          unknown flag --output_dir for plan; see nudge plan --help
        --targets /(?<n>q)/
          --targets is '/(?<n>q)/': the regular expression '(?<n>q)' cannot be read: (?< is not
            supported
        """,
        row(
            "a shape that nobody has",
            p -> {},
            "--model 9B",
            "9B: no such model folder, and no shape of that name; shapes are "
                + String.join(", ", KnownModels.names())
                + "; did you mean 1B, 3B or 7B?"),
        row(
            "a tokenizer of another model",
            p -> p.copy(Goldens.FOLDER.resolve("llama/linear-rope/model"), "model"),
            "--data D/rows.jsonl",
            "the tokenizer gives token 86, the model has 67; tokenizer.json and config.json do not"
                + " belong together"));
  }

  @ParameterizedTest
  @MethodSource("plans")
  void aMistakeOfPlanIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    List<String> line = new ArrayList<>(List.of("plan", "--no-probe"));
    line.addAll(List.of(mistake.flags));
    if (!line.contains("--model")) {
      line.addAll(List.of("--model", "D/model"));
    }
    check(place.run(line.toArray(String[]::new)), mistake.line);
    assertThat(place.listing()).isEqualTo(before);
  }

  @Test
  void aMistakeAfterHelpIsOneLine() throws IOException {
    Place place = Place.in(folder);
    check(place.run("help", "trian"), "unknown verb trian; did you mean train?");
    check(place.run("adapter", "show", "x"), "unknown verb adapter; did you mean adapters?");
    check(place.run("data-stats"), "unknown verb data-stats; did you mean data stats?");
    check(
        place.run("help", "train", "--rank"),
        "unexpected argument '--rank'; help takes one verb, or none");
  }

  @Test
  void aMergeIsCheckedAndSaysHowClose() throws IOException {
    Place place = Place.in(folder);
    Ran ran = place.merge("--any-base"); // which needs no nudge.json
    assertThat(ran.code()).isZero();
    assertThat(ran.out()).isEmpty();
    assertThat(ran.err().lines())
        .satisfiesExactly(
            line -> assertThat(line).startsWith("D/out: 14 layers merged, 0.1 MB of weights, in "),
            line ->
                assertThat(line)
                    .matches(
                        "read again and compared with base \\+ adapter on \\d{3} tokens: mean KL"
                            + " \\S+ nats \\(at most 0.01\\); logits differ by at most \\S+, on"
                            + " average \\S+; perplexity \\S+ → \\S+"));
    String with = place.answer("score", "--adapter", "D/adapter", "--json").out();
    String merged = place.answer("score", "--model", "D/out", "--json").out();
    assertThat(logprob(merged)).isCloseTo(logprob(with), withinPercentage(0.001));
    Ran json = place.merge("--out", "D/json", "--json");
    assertThat(json.out())
        .startsWith(
            "{\"accepted\":true,\"out\":\"" + place.path("json") + "\",\"adapters\":[{\"adapter\":")
        .hasLineCount(1);
  }

  private static double logprob(String json) {
    return Double.parseDouble(json.replaceAll("(?s).*\"logprob\":([-0-9.E]+),.*", "$1"));
  }

  @Test
  void aMergeBeyondTheToleranceIsExitCodeThree() throws IOException {
    Place place = Place.in(folder);
    place.merge("--out", "D/warm"); // copies the adapter
    Map<String, String> before = place.listing();
    Ran ran = place.merge("--store", "nf4", "--tolerance", "1e-9", "--json", "--any-base");
    assertThat(ran.code()).isEqualTo(3);
    assertThat(ran.out()).isEmpty();
    assertThat(ran.err())
        .startsWith("nudge: the merged weights are ")
        .contains(
            " nats a token (mean KL) from base + adapter on the probe text, above --tolerance"
                + " 1.0e-09, so D/out is not written; logits differ by at most ")
        .hasLineCount(1);
    assertThat(place.listing()).isEqualTo(before);
  }

  @Test
  void aFullDiskLeavesNothingOfAMerge() throws Exception {
    Place place = Place.in(folder);
    place.copy(Goldens.ADAPTER, "adapter");
    try (Mount mount = Mount.of(place.path("disk"), "size=1m")) {
      Map<String, Long> before = Ledger.byOwner();
      MergeVerb filling =
          new MergeVerb(
              (settings, warnings, cancelled) ->
                  Library.merge(
                      settings,
                      warnings,
                      () -> {
                        mount.fill(4_096);
                        return cancelled.getAsBoolean();
                      }));
      Ran ran =
          place.run(
              List.of(filling),
              ("merge --model D/model --adapter D/adapter --threads 1 --any-base --out D/disk/out")
                  .split(" "));
      assertThat(ran.err())
          .startsWith("nudge: cannot write D/disk/.out.new/model.safetensors (")
          .endsWith(" bytes): No space left on device\n");
      assertThat(ran.code()).isEqualTo(1);
      assertThat(Ledger.byOwner()).isEqualTo(before);
      assertThat(mount.at.toFile().list()).containsExactly(Mount.FILLER);
    }
  }

  /// Before anything is computed; what is there stays as it is.
  @Test
  void aDiskThatIsTooSmallIsForeseen() throws Exception {
    Place place = Place.in(folder);
    place.copy(Goldens.ADAPTER, "adapter");
    String free = "KiB are free; make room or give --out on another disk";
    try (Mount mount = Mount.of(place.path("disk"), "size=256k")) {
      String[] run = {"--out", "D/disk/out", "--rank", "32", "--steps", "20", "--warmup", "0"};
      String[] held = with(run, "--eval-data", "D/rows.jsonl", "--eval-steps", "1", "--keep", "0");
      for (String more : List.of("--dry-run", "--json")) {
        tooSmall(
            place.train(with(run, more, "--keep", "1")),
            "2 adapters of \\d+ KiB, for a save is written beside the previous one; 2 checkpoints"
                + " of \\d+ KiB \\(--keep\\)",
            free + ", or give a smaller --rank");
        tooSmall(
            place.train(with(run, more, "--keep", "0")),
            "2 adapters of \\d+ KiB, for a save is written beside the previous one",
            free + ", or give a smaller --rank");
        tooSmall(
            place.train(with(held, more)),
            "2 adapters of \\d+ KiB, for a save is written beside the previous one",
            free + ", or give a smaller --rank");
      }
      mount.fill(64 << 10);
      tooSmall(place.train("--out", "D/disk/out", "--method", "full"), "1 model of \\d+ KiB", free);
      tooSmall(place.merge("--out", "D/disk/out", "--any-base"), "a model", free);
      tooSmall(
          place.merge("--out", "D/disk/out", "--any-base", "--store", "nf4"),
          "a dense model, and one in four bits beside it",
          free);
      mount.fill(8 << 10);
      tooSmall(
          place.run("quantize", "--model", "D/model", "--out", "D/disk/out"),
          "a model in nf4",
          free);
      assertThat(mount.at.toFile().list()).containsExactly(Mount.FILLER);
    }
  }

  private static void tooSmall(Ran ran, String what, String ways) {
    List<String> lines = ran.err().lines().filter(l -> !l.startsWith("nudge: warning: ")).toList();
    assertThat(lines).hasSize(1);
    assertThat(lines.getFirst())
        .matches(
            "nudge: --out D/disk/out has too little free space: up to \\d+ [KM]iB are needed \\("
                + what
                + "\\), and \\d+ "
                + ways);
    assertThat(ran.out()).isEmpty();
    assertThat(ran.code()).isEqualTo(2);
  }

  /// Beside it there is no room for two saves; it goes when there is the first.
  @Test
  void anOldRunMakesRoomForTheNewOne() throws Exception {
    Place place = Place.in(folder);
    try (Mount mount = Mount.of(place.path("disk"), "size=420k")) {
      String[] run = {"--out", "D/disk/out", "--rank", "32", "--steps", "5", "--keep", "0", "-q"};
      for (String seed : List.of("1", "2", "3")) {
        Ran ran = place.train(with(run, "--seed", seed, "--overwrite"));
        assertThat(ran.code()).as(ran.err()).isZero();
      }
      assertThat(Files.getFileStore(mount.at).getUsableSpace()).isLessThan(2 * 140_752);
    }
  }

  @Test
  void aPromptMustLeaveRoomForAnAnswer() throws IOException {
    Place place = Place.in(folder);
    check(
        place.answer("generate", "--prompt", "the pump ".repeat(200)),
        "the prompt has 1,201 tokens, which leaves none of --max-length 512 for an answer; shorten"
            + " it or raise --max-length");
    check(place.answer("generate", "--prompt", ""), "--prompt is ''; it must not be empty");
    check(
        place.answer("generate", "--prompt", "-", "--data", "D/rows.jsonl"),
        "--prompt - is standard input, which with --data is none: rows have a pattern such as"
            + " --prompt '{text}'; give --data - to read rows from standard input");
    String tooLong =
        "the prompt has 6 tokens, which leaves none of --max-length 5 for an answer; shorten it or"
            + " raise --max-length";
    check(
        place.answer("generate", "--max-length", "5"),
        "D/rows.jsonl: 2 of 3 rows are bad; --skip-bad-rows sets them aside\n"
            + "D/rows.jsonl lines 1, 2 (2 rows): "
            + tooLong);
  }

  @Test
  void aTokenThatTheModelHasNotIsRefused() throws IOException {
    Place place = Place.in(folder);
    for (String[] prompt : List.of(new String[] {"--prompt", "the pump"}, new String[] {"-q"})) {
      check(
          place.answer("generate", with(prompt, "--stop-id", "320")),
          "--stop-id names token 320; the model has tokens 0 to 319");
      check(
          place.answer("generate", with(prompt, "--logit-bias", "319=1", "--logit-bias", "5000=1")),
          "--logit-bias names token 5000; the model has tokens 0 to 319");
    }
  }

  @Test
  void aRowTooLongToScoreNamesOnlyFlagsOfScore() throws IOException {
    check(
        Place.in(folder).answer("score", "--max-length", "7"),
        "D/rows.jsonl: 2 of 3 rows are bad; --skip-bad-rows sets them aside\n"
            + "D/rows.jsonl lines 1, 2 (2 rows): more tokens than --max-length 7, the first: 15"
            + " tokens are more than --max-length 7; --truncate cuts its prompt from the left");
  }

  @Test
  void rowsTooLongToScoreMayBeCutAndAreCounted() throws IOException {
    Ran ran = Place.in(folder).answer("score", "--max-length", "7", "--truncate");
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.out()).hasLineCount(3);
    assertThat(ran.err()).contains("2 of 3 rows were cut to 7 tokens: ").doesNotContain("--split");
  }

  @Test
  void aRowTooLongTrainsWhereItMayBeCut() throws IOException {
    Place place = Place.in(folder);
    Ran ran = place.train("--max-length", "7", "--truncate", "--warmup", "0");
    assertThat(ran.code()).isZero();
    assertThat(ran.err()).contains("cut        2 of 3 rows were cut to 7 tokens: ");
    assertThat(place.path("out/adapter_model.safetensors")).exists();
  }

  @Test
  void aFolderThatHoldsARunIsLeftAlone() throws IOException {
    Place place = Place.in(folder);
    assertThat(place.train("-q", "--steps", "1").code()).isZero();
    Map<String, String> finished = place.listing();
    Ran again = place.train("--steps", "1");
    assertThat(again)
        .isEqualTo(
            new Ran(
                0, "", "nudge: warning: this run is finished already in D/out; nothing to do\n"));
    assertThat(place.train("--steps", "1", "-q", "--json").out())
        .startsWith("{\"id\":")
        .hasLineCount(1);
    check(place.train("--steps", "2"), another("--steps was 1 and is 2"));
    check(
        place.train("--steps", "1", "--rank", "8", "--eval-data", "D/rows.jsonl"),
        another("--eval-data was not given and is 'D/rows.jsonl', --rank was 16 and is 8"));
    check(
        place.train(
            "--epochs", "2", "--rank", "8", "--seed", "1", "--prompt", "{prompt}", "--truncate"),
        another(
            "--prompt was not given and is '{prompt}', --truncate was false and is true, --rank was"
                + " 16 and is 8 and 3 more"));
    assertThat(place.listing()).isEqualTo(finished);

    place.edit("out/run.json", "\"finished\"", "\"stopped\"");
    Map<String, String> stopped = place.listing();
    check(place.train("--steps", "1"), unfinished("was stopped before its end"));
    assertThat(place.listing()).isEqualTo(stopped);
    place.edit("out/run.json", "\"stopped\"", "\"running\"");
    check(place.train("--steps", "1"), unfinished("was killed or crashed before its end"));
    check(
        place.train("--steps", "2"),
        another("--steps was 1 and is 2")
            .replace("state finished", "killed or crashed before its end"));
    try (Claim writer = Claim.of(place.path("out"))) {
      check(
          place.train("--steps", "1"),
          "another nudge trains into --out D/out; wait for it or give another folder");
    }
    place.edit("out/run.json", "\"running\"", "\"stopped\"");

    place.edit("rows.jsonl", "valve", "seal");
    check(
        place.train("--steps", "1"),
        another("--data holds other data now").replace("finished", "stopped"));

    place.write("out/run.json", "{");
    check(
        place.train("--steps", "1"),
        "D/out/run.json cannot be read, so the run in its folder is unknown; give another folder");
    place.write("out/mine.txt", "mine");
    place.write("out/run.json", "{}");
    Ran anew = place.train("--steps", "2", "--overwrite", "-q");
    assertThat(anew.code()).as(anew.err()).isZero();
    assertThat(place.path("out/mine.txt")).hasContent("mine");
  }

  private static String unfinished(String how) {
    return "--out D/out holds this run, which "
        + how
        + "; what it saved after step 1 of 1 is kept; --overwrite starts it again, another"
        + " --out with --init-adapter D/out continues from the saved weights";
  }

  /// A kill leaves its lock, and before the first save nothing that anybody would miss.
  @ParameterizedTest
  @ValueSource(strings = {"running", "stopped", "failed"})
  void aRunGoesWhereOneEndedBeforeItsFirstSave(String state) throws IOException {
    Place place = Place.in(folder);
    place.write("out/.nudge.writer", "").write("out/run.json.tmp", "{");
    assertThat(place.train("--steps", "1", "-q").code()).isZero();
    for (String name : List.of("adapter_model.safetensors", "adapter_config.json", "nudge.json")) {
      Files.delete(place.path("out/" + name));
    }
    place.edit("out/run.json", "\"finished\"", "\"" + state + "\"").write("out/mine.txt", "mine");
    place.write("out/.nudge.writer", "");
    Ran ran = place.train("--steps", "1", "--rank", "8");
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err())
        .contains("a run in D/out ended before it saved anything; this one begins anew\n");
    assertThat(place.path("out/adapter_model.safetensors")).exists();
    assertThat(place.path("out/mine.txt")).hasContent("mine");
    assertThat(Files.readString(place.path("out/run.json"))).contains("\"finished\"");
  }

  private static String another(String what) {
    return "--out D/out holds another run (state finished): "
        + what
        + "; give another folder, or --overwrite to replace it";
  }

  /// What is spoilt after a run, and what a second one says of it.
  static Stream<Mistake> afterwards() {
    String adapter =
        "--out D/out holds this run, finished, but %s; give another folder, or --overwrite to"
            + " replace it";
    String weights = "adapter_model.safetensors";
    return Stream.of(
        row(
            "a row was added",
            p -> p.edit("rows.jsonl", " valve\"}\n", " valve\"}\n{\"text\": \"a\"}\n"),
            "",
            another("--data holds other data now")),
        row(
            "a letter of a row was changed",
            p -> p.edit("rows.jsonl", "seven", "Seven"),
            "",
            another("--data holds other data now")),
        row(
            "rows in another order",
            p -> {
              List<String> lines = new ArrayList<>(Files.readAllLines(p.path("rows.jsonl")));
              Collections.swap(lines, 0, 1);
              Files.write(p.path("rows.jsonl"), lines);
            },
            "--dry-run",
            another("--data holds other data now")),
        row(
            "held-out rows were changed",
            p -> p.edit("held.jsonl", "leaks", "holds"),
            "",
            another("--eval-data holds other data now")),
        row("another file", p -> {}, "--data D/held.jsonl", another("--data holds other data now")),
        row(
            "the data is gone",
            p -> Files.delete(p.path("rows.jsonl")),
            "",
            "D/rows.jsonl does not exist; a file, a folder or a glob of rows is needed"),
        row(
            "the adapter is gone",
            p -> Files.delete(p.path("out/" + weights)),
            "",
            adapter.formatted(weights + " is missing")),
        row(
            "the adapter is cut short",
            p -> cut(p.path("out/" + weights), 5_000),
            "",
            adapter.formatted(weights + " is not as the run left it")),
        row(
            "the adapter is another",
            p ->
                Files.copy(
                    Goldens.FOLDER.resolve("peft/all-linear/adapter/" + weights),
                    p.path("out/" + weights),
                    StandardCopyOption.REPLACE_EXISTING),
            "",
            adapter.formatted(weights + " is not as the run left it")),
        row(
            "the adapter's config is gone",
            p -> Files.delete(p.path("out/adapter_config.json")),
            "",
            adapter.formatted("adapter_config.json is missing")),
        row(
            "a run of a nudge that kept no digests",
            p -> p.edit("out/run.json", "\"digests\"", "\"older\""),
            "",
            another(
                "the earlier contents of --data are unknown, the earlier contents of --eval-data"
                    + " are unknown")));
  }

  @ParameterizedTest
  @MethodSource("afterwards")
  void aFinishedRunIsNotFinishedOnceSomethingOfItChanged(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    place.write("held.jsonl", "{\"prompt\": \"the seal\", \"completion\": \" leaks\"}\n");
    String[] run = {"--steps", "1", "--rank", "4", "--eval-data", "D/held.jsonl"};
    assertThat(place.train(with(run, "-q")).code()).isZero();
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    check(place.train(with(run, mistake.flags)), mistake.line);
    assertThat(place.listing()).isEqualTo(before);
  }

  private static String[] with(String[] flags, String... more) {
    return Stream.concat(Stream.of(flags), Stream.of(more)).toArray(String[]::new);
  }

  @Test
  void aFileOfRowsMayBeRenamedAndTouched() throws IOException {
    Place place = Place.in(folder);
    assertThat(place.train("-q", "--steps", "1").code()).isZero();
    Files.setLastModifiedTime(place.path("rows.jsonl"), FileTime.fromMillis(1));
    Ran same =
        new Ran(0, "", "nudge: warning: this run is finished already in D/out; nothing to do\n");
    assertThat(place.train("--steps", "1")).isEqualTo(same);
    Files.move(place.path("rows.jsonl"), place.path("mine.jsonl"));
    assertThat(place.train("--steps", "1", "--data", "D/mine.jsonl")).isEqualTo(same);
    Files.delete(place.path("model/tokenizer.json")); // nothing is made of rows
    assertThat(place.train("--steps", "1", "--data", "D/mine.jsonl")).isEqualTo(same);
  }

  @Test
  void aPlaceThatKeepsNoFilesIsRefusedByADryRunToo() throws IOException {
    assumeTrue(Files.isDirectory(Path.of("/proc/self")), "only Linux has it");
    Place place = Place.in(folder);
    for (String more : List.of("--dry-run", "--json")) {
      Ran ran = place.train("--out", "/proc/nudge/out", more);
      assertThat(ran.err()).startsWith("nudge: --out /proc/nudge/out cannot be ").hasLineCount(1);
      assertThat(ran.out()).isEmpty();
      assertThat(ran.code()).isEqualTo(2);
    }
  }

  @Test
  void aReadOnlyFolderIsRefused() throws Exception {
    Place place = Place.in(folder);
    try (Mount mount = Mount.of(place.path("disk"), "size=1m,ro")) {
      String line =
          "--out D/disk/out cannot be written: no permission in D/disk, or its disk is read-only;"
              + " give another folder";
      check(place.train("--out", "D/disk/out"), line);
      check(place.train("--out", "D/disk/out", "--dry-run"), line);
    }
  }

  /// Something else fills the disk after the first adapter.
  @Test
  void aFullDiskKeepsTheEarlierAdapter() throws Exception {
    Place place = Place.in(folder);
    try (Mount mount = Mount.of(place.path("disk"), "size=4m")) {
      Map<String, Long> before = Ledger.byOwner();
      Ran ran =
          place.run(
              List.of(filling(mount, TrainEvent.Saved.class, 64 << 10)),
              (TRAIN
                      + " --keep 0 --disk-wait 0 --rank 32 --eval-data D/rows.jsonl --eval-steps 1"
                      + " --steps 20 --learning-rate 1e-3 --json")
                  .split(" "));
      assertThat(ran.err().lines().toList().getLast())
          .isEqualTo(
              "nudge: cannot write D/disk/out/.nudge.new/adapter_model.safetensors (140752 bytes):"
                  + " No space left on device");
      assertThat(ran.out()).isEmpty();
      assertThat(ran.code()).isEqualTo(1);
      assertThat(Ledger.byOwner()).isEqualTo(before);
      try (Stream<Path> files = Files.list(place.path("disk/out"))) {
        assertThat(files.map(f -> f.getFileName().toString()))
            .containsExactlyInAnyOrder(
                "adapter_config.json",
                "adapter_model.safetensors",
                "events.jsonl",
                "loss.svg",
                "metrics.jsonl",
                "nudge.json",
                "run.json",
                "tokenizer.json",
                "tokenizer_config.json");
      }
      assertThat(Files.readString(place.path("disk/out/run.json"))).contains("\"failed\"");
      assertThat(place.answer("score", "--adapter", "D/disk/out", "--json").code()).isZero();
    }
  }

  @Test
  void aDiskThatIsFullAtOnceIsOneLineToo() throws Exception {
    Place place = Place.in(folder);
    try (Mount mount = Mount.of(place.path("disk"), "size=1m")) {
      Map<String, Long> before = Ledger.byOwner();
      Ran ran =
          place.run(
              List.of(filling(mount, TrainEvent.Planned.class, 8_192)),
              (TRAIN + " --warmup 0 --disk-wait 0 -q").split(" "));
      assertThat(ran)
          .isEqualTo(
              new Ran(
                  1,
                  "",
                  "nudge: cannot write D/disk/out/tokenizer.json: No space left on device\n"));
      assertThat(Ledger.byOwner()).isEqualTo(before);
    }
  }

  static final String TRAIN =
      "train --model D/model --data D/rows.jsonl --compute fp32 --threads 1 --out D/disk/out";

  /// `train` as it is, beside something that fills the disk at an event of the run.
  static TrainVerb filling(Mount mount, Class<? extends TrainEvent> at, int left) {
    return new TrainVerb(
        (settings, events, cancelled) ->
            Library.train(
                settings,
                event -> {
                  events.accept(event);
                  if (at.isInstance(event)) {
                    mount.fill(left);
                  }
                },
                cancelled));
  }

  /// A small disk of its own, where this process may mount one.
  record Mount(Path at) implements AutoCloseable {
    static final String FILLER = "filler";

    /// Gives back what [#fill] took.
    void free() {
      try {
        Files.deleteIfExists(at.resolve(FILLER));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /// Leaves at most so many bytes.
    void fill(int left) {
      try (FileChannel file =
          FileChannel.open(
              at.resolve(FILLER), StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
        long more = Files.getFileStore(at).getUsableSpace() - left;
        if (more > 0) {
          file.write(ByteBuffer.allocate((int) more));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    static Mount of(Path at, String options) throws IOException, InterruptedException {
      Files.createDirectories(at);
      assumeTrue(
          run("mount", "-t", "tmpfs", "-o", options, "none", at.toString()),
          "no disk can be mounted here; run as root on Linux to try a full one");
      return new Mount(at);
    }

    private static boolean run(String... command) throws IOException, InterruptedException {
      try {
        return new ProcessBuilder(command).redirectErrorStream(true).start().waitFor() == 0;
      } catch (IOException e) {
        return false;
      }
    }

    @Override
    public void close() throws IOException, InterruptedException {
      if (!run("umount", at.toString())) {
        throw new IOException("cannot unmount " + at);
      }
    }
  }

  private static void check(Ran ran, String line) {
    List<String> lines = ran.err().lines().filter(l -> !l.startsWith("nudge: warning: ")).toList();
    assertThat(String.join("\n", lines)).isEqualTo("nudge: " + line);
    assertThat(ran.out()).isEmpty();
    assertThat(ran.code()).isEqualTo(2);
  }

  private static Mistake row(String name, Spoiling spoiling, String flags, String line) {
    return new Mistake(name, spoiling, flags.isEmpty() ? new String[0] : flags.split(" "), line);
  }

  /// A mistake in text: flags, changes of files and, indented by 2, what is said; lines that are
  /// indented by 4 go on.
  private static final Pattern ROW = Pattern.compile("((?:\\S.*\n)+)((?:  .*\n)+)");

  /// A line `FILE: TEXT` writes a line of a file, `FILE: OLD => NEW` changes a text in one.
  private static final Pattern CHANGE = Pattern.compile("([a-z][\\w./]*): (.*?)(?: => (.*))?");

  private static Stream<Mistake> mistakes(String plain, Mistake... more) {
    Matcher rows = ROW.matcher(plain.replaceAll("\n {4}", " "));
    assertThat(rows.replaceAll("")).isEmpty();
    return Stream.concat(
        rows.reset()
            .results()
            .map(r -> row(r.group(1).lines().toList(), r.group(2).replaceAll("(?m)^ {2}", ""))),
        Stream.of(more));
  }

  private static Mistake row(List<String> flagsAndChanges, String said) {
    List<Matcher> changes =
        flagsAndChanges.stream().map(CHANGE::matcher).filter(Matcher::matches).toList();
    List<String> flags =
        flagsAndChanges.stream().filter(line -> !CHANGE.matcher(line).matches()).toList();
    assertThat(flags).hasSizeLessThan(2);
    return row(
        String.join(" ", flagsAndChanges),
        p -> spoil(p, changes),
        String.join("", flags),
        said.strip());
  }

  private static void spoil(Place place, List<Matcher> changes) throws IOException {
    Map<String, String> written = new LinkedHashMap<>();
    for (Matcher change : changes) {
      if (change.group(3) != null) {
        place.edit(change.group(1), change.group(2), change.group(3));
      } else {
        written.merge(change.group(1), change.group(2) + "\n", String::concat);
      }
    }
    for (Map.Entry<String, String> file : written.entrySet()) {
      place.write(file.getKey(), file.getValue());
    }
  }

  private static byte[] gzip(String text) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream zip = new GZIPOutputStream(bytes)) {
      zip.write(text.getBytes(StandardCharsets.UTF_8));
    }
    return bytes.toByteArray();
  }

  private static final String HALF_REPLACED =
      "D/%s was left half replaced by a command that was killed, and cannot be mended: Is a"
          + " directory; once that is cleared, the next command mends it";

  /// A folder whose old files stand aside, with a folder where one of them was.
  private static void halfReplaced(Place place, String name) throws IOException {
    place.write(name + "/.nudge.old/merges.txt", "old");
    Files.createDirectories(place.path(name + "/merges.txt/mine"));
  }

  /// Exit code 1: it had started. Nothing of the base's copy is saved as if it had learned.
  @ParameterizedTest
  @ValueSource(strings = {"lora", "full"})
  void aRunWhoseStepsAreAllSkippedFailsAndSavesNothing(String method) throws IOException {
    Place place = Place.in(folder);
    spoilWeights(place.path("model/model.safetensors"));
    Ran ran = place.train("--method", method, "--steps", "12", "--compute", "fp32", "--json");
    assertThat(ran.code()).isEqualTo(1);
    assertThat(ran.out()).isEmpty();
    assertThat(ran.err().lines().toList().getLast())
        .isEqualTo(
            "nudge: the loss was not finite in any of 10 steps, so nothing was trained and nothing"
                + " is saved; a lower --learning-rate does not help: the model's weights may"
                + " hold NaN or Inf; check them with nudge score, and this machine with nudge"
                + " doctor");
    assertThat(place.path("out").toFile().list())
        .doesNotContain("config.json", "model.safetensors", "adapter_model.safetensors");
    assertThat(Files.readString(place.path("out/run.json"))).contains("\"failed\"");
  }

  /// Makes every weight NaN.
  private static void spoilWeights(Path file) throws IOException {
    byte[] all = Files.readAllBytes(file);
    int header = (int) ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    Arrays.fill(all, 8 + header, all.length, (byte) 0xFF);
    Files.write(file, all);
  }

  /// A kill between two renames, seen by a command that reads and by one that writes.
  @Test
  void whatAKilledCommandLeftIsMendedByTheNext() throws IOException {
    Place place = Place.in(folder);
    Ran before = place.answer("score", "--json");
    Files.createDirectories(place.path("model/.nudge.old"));
    for (String name : List.of("config.json", "tokenizer.json")) {
      Files.move(place.path("model/" + name), place.path("model/.nudge.old/" + name));
    }
    assertThat(place.answer("score", "--json")).isEqualTo(before);
    assertThat(place.path("model/.nudge.old")).doesNotExist();

    assertThat(place.train("--steps", "1", "-q").code()).isZero();
    Map<String, String> run = place.listing();
    Files.createDirectories(place.path("out/.nudge.put"));
    Files.createDirectories(place.path("out/.nudge.old"));
    place.write("out/.nudge.old/nudge.json", "{}");
    Files.move(
        place.path("out/adapter_config.json"), place.path("out/.nudge.put/adapter_config.json"));
    assertThat(place.train("--steps", "1").err()).contains("this run is finished already");
    assertThat(place.listing()).isEqualTo(run);
  }

  private static Place initAdapter(Place place) throws IOException {
    return place.copy(Goldens.FOLDER.resolve("train/grouped-tied/init"), "init");
  }

  private static final String OTHER = "{\"version\": 1, \"base\": [\"sha256:0123456789abcdef\"]}";

  private static final String ANOTHER_BASE =
      "adapter D/strange was trained on another base: its weights have the digest"
          + " sha256:0123456789ab, those of D/model have sha256:d4d87c1fb2fd; give --model its"
          + " base, or --any-base";

  /// A model in GPTQ with another config.
  private static Place gptq(Place place, String from, String to) throws IOException {
    return place
        .copy(Goldens.FOLDER.resolve("grouped/gptq-4-act/model"), "model")
        .edit("model/config.json", from, to);
  }

  /// Changes the header of a weight file, first where it comes first; the length stays.
  private static void renamed(Place place, String from, String to) throws IOException {
    Path file = place.path("model/model.safetensors");
    String bytes = Files.readString(file, StandardCharsets.ISO_8859_1);
    assertThat(bytes).contains(from);
    Files.writeString(
        file,
        bytes.replaceFirst(Pattern.quote(from), Matcher.quoteReplacement(to)),
        StandardCharsets.ISO_8859_1);
  }

  private static Place strange(Place place, String identity) throws IOException {
    return place.copy(Goldens.ADAPTER, "strange").write("strange/nudge.json", identity);
  }

  @Test
  void anyBaseTakesAnAdapterAllTheSame() throws IOException {
    Place place = Place.in(folder);
    for (String identity : List.of("{", "{\"version\": 2}", OTHER)) {
      strange(place, identity);
      Ran score = place.answer("score", "--adapter", "D/strange", "--any-base", "-q", "--json");
      assertThat(score.code()).as(score.err()).isZero();
      Ran merge =
          place.merge("--adapter", "D/strange", "--any-base", "-q", "--out", "D/m", "--overwrite");
      assertThat(merge.code()).as(merge.err()).isZero();
      Ran train =
          place.train(
              "--init-adapter", "D/strange", "--any-base", "--steps", "1", "-q", "--overwrite");
      assertThat(train.code()).as(train.err()).isZero();
    }
  }

  @Test
  void whatIsNoAdapterHasNoWarningThatItsBaseIsNotKnown() throws IOException {
    Place place = Place.in(folder);
    for (String no : List.of("D/none", "D/model")) {
      assertThat(place.merge("--adapter", no).err())
          .startsWith(
              "nudge: " + no + (no.endsWith("none") ? " does not exist" : " is not an adapter"))
          .hasLineCount(1);
    }
  }

  private static Place otherAdapter(Place place) throws IOException {
    return place.copy(Goldens.FOLDER.resolve("train/llama3-rope/init"), "other");
  }

  /// Replaces a text by one of the same length.
  private static void gguf(Path file, String from, String to) throws IOException {
    String bytes = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    Files.write(file, bytes.replace(from, to).getBytes(StandardCharsets.ISO_8859_1));
  }

  private static void cut(Path file, long bytes) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(bytes);
    }
  }
}
