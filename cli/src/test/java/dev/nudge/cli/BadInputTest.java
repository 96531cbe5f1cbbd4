package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Goldens;
import dev.nudge.cli.adapters.MergeVerb;
import dev.nudge.cli.train.TrainVerb;
import dev.nudge.format.Claim;
import dev.nudge.registry.Alias;
import dev.nudge.registry.MadeAdapters;
import dev.nudge.registry.Note;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.tensor.Ledger;
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
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Holds what a user reads after a mistake with the real verbs: one line that names what is wrong,
/// and exit code 2; nothing on standard output, nothing written. A mistake of `train` is the same
/// with `--dry-run`. The sentences are in a [MistakeFile], and those mistakes too whose files can
/// be spoiled by a line of text.
class BadInputTest {

  /// What goes wrong in a folder before the command runs.
  interface Spoiling {
    void spoil(Place place) throws IOException;
  }

  /// @param input as it stands in the file of mistakes
  record Mistake(String group, String input, Spoiling spoiling, String[] flags) {
    @Override
    public String toString() {
      return input.replace('\n', ' ');
    }
  }

  private static final MistakeFile SENTENCES = new MistakeFile();

  @AfterAll
  static void write() {
    SENTENCES.write();
  }

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
  private static Mistake ofExperts(String model, String flags) {
    return row(
        model + " " + flags,
        p -> {
          p.copy(Goldens.FOLDER.resolve(model), "model");
          p.write("rows.jsonl", "{\"prompt\": \"AB:\", \"completion\": \"CD\"}\n".repeat(3));
        },
        flags);
  }

  static Stream<Mistake> model() {
    return mistakes(
        "train, the model",
        row(
            "a GGUF file that is cut off",
            p -> {
              p.copy(Goldens.FOLDER.resolve("gguf/mixed"), "gguf");
              cut(p.path("gguf/qwen2-tied.gguf"), 20_000);
            },
            "--model D/gguf/qwen2-tied.gguf"),
        row(
            "a GGUF file that is no model that is known",
            p -> {
              p.copy(Goldens.FOLDER.resolve("gguf/mixed"), "gguf");
              gguf(p.path("gguf/qwen2-tied.gguf"), "qwen2", "mamba");
            },
            "--model D/gguf/qwen2-tied.gguf"),
        row(
            "a GGUF file whose words are cut in an unknown way",
            p -> {
              p.copy(Goldens.FOLDER.resolve("gguf/mixed"), "gguf");
              gguf(p.path("gguf/qwen2-tied.gguf"), "gpt-2", "words");
            },
            "--model D/gguf/qwen2-tied.gguf"),
        row(
            "all weights of a GGUF file",
            p -> p.copy(Goldens.FOLDER.resolve("gguf/mixed"), "gguf"),
            "--model D/gguf/qwen2-tied.gguf --method full"),
        row(
            "a folder of GGUF files",
            p -> p.copy(Goldens.FOLDER.resolve("gguf/split"), "gguf"),
            "--model D/gguf"),
        row(
            "a later part of a split GGUF file",
            p -> p.copy(Goldens.FOLDER.resolve("gguf/split"), "gguf"),
            "--model D/gguf/llama-llama3-00002-of-00003.gguf"),
        row("no config.json", p -> Files.delete(p.path("model/config.json")), ""),
        row(
            "an adapter as model",
            p -> p.copy(Goldens.FOLDER.resolve("train/grouped-tied/init"), "adapter"),
            "--model D/adapter"),
        row("unknown rope type", p -> rope(p, "\"rope_type\": \"mrope\""), ""),
        row("truncated weights", p -> cut(p.path("model/model.safetensors"), 100_000), ""),
        row("weights cut inside the header", p -> cut(p.path("model/model.safetensors"), 100), ""),
        row("no weights", p -> Files.delete(p.path("model/model.safetensors")), ""),
        row("no tokenizer", p -> Files.delete(p.path("model/tokenizer.json")), ""),
        row(
            "a tokenizer of another model",
            p -> p.copy(Goldens.FOLDER.resolve("llama/linear-rope/model"), "model"),
            ""));
  }

  static Stream<Mistake> families() {
    return mistakes(
        "train, the family",
        row(
            "more experts a token than there are",
            p ->
                experts(p)
                    .edit("model/config.json", "experts_per_tok\": 3", "experts_per_tok\": 12"),
            ""),
        row(
            "experts that the file has not",
            p -> experts(p).edit("model/config.json", "local_experts\": 11", "local_experts\": 12"),
            ""),
        row(
            "an expert that the file has not",
            p -> renamed(experts(p), "layers.0.mlp.experts.7.up", "layers.0.mlp.experts.7.op"),
            ""),
        ofExperts("families/qwen3-moe/model", "--targets up_proj"),
        ofExperts("families/qwen3-moe/model", "--targets model.layers.0.mlp.experts.0.down_proj"),
        ofExperts("families/qwen3-moe/model", "--dropout 0.1"),
        ofExperts("families/qwen3-moe/model", "--dora"),
        ofExperts("families/qwen3-moe/model", "--init eva"),
        ofExperts("mxfp4/model", "--expert-adapters per-expert"),
        ofExperts("mxfp4/model", "--method full"),
        ofExperts("mxfp4/model", "--quantize nf4"),
        row(
            "blocks of experts without scales",
            p -> {
              p.copy(Goldens.FOLDER.resolve("mxfp4/model"), "model");
              renamed(p, "0.mlp.experts.down_proj_scales", "0.mlp.experts.down_proj_scalez");
            },
            ""),
        row(
            "a limit of experts that is none",
            p ->
                p.copy(Goldens.FOLDER.resolve("mxfp4/model"), "model")
                    .edit("model/config.json", "swiglu_limit\": 7.0", "swiglu_limit\": 0"),
            ""),
        row(
            "blocks of experts of another size",
            p ->
                p.copy(Goldens.FOLDER.resolve("mxfp4/model"), "model")
                    .edit(
                        "model/config.json", "intermediate_size\": 32", "intermediate_size\": 64"),
            ""),
        row(
            "experts that are no whole blocks",
            p ->
                p.copy(Goldens.FOLDER.resolve("mxfp4/model"), "model")
                    .edit("model/config.json", "hidden_size\": 64", "hidden_size\": 48"),
            ""),
        row("yarn without its factor", p -> rope(p, "\"rope_type\": \"yarn\""), ""),
        row(
            "factors of another width",
            p ->
                rope(
                    p,
                    "\"rope_type\": \"longrope\", \"short_factor\": [1, 1], \"long_factor\": [2,"
                        + " 2]"),
            ""),
        row(
            "key heads that do not divide",
            p -> config(p, "num_key_value_heads\": 2", "num_key_value_heads\": 3"),
            ""),
        row(
            "another number of heads",
            p -> config(p, "num_attention_heads\": 4", "num_attention_heads\": 2"),
            ""),
        row(
            "a head that is missing",
            p -> config(p, "tie_word_embeddings\": true", "tie_word_embeddings\": false"),
            ""));
  }

  private static void config(Place p, String from, String to) throws IOException {
    p.edit("model/config.json", "\"" + from, "\"" + to);
  }

  private static void rope(Place p, String keys) throws IOException {
    config(p, "rope_type\": \"default\"", keys.substring(1));
  }

  static Stream<Mistake> data() {
    return mistakes(
        "train, the data",
        row("empty data", p -> p.write("rows.jsonl", "\n \n"), ""),
        row(
            "not JSON at line 3",
            p ->
                p.write(
                    "rows.jsonl",
                    """
                    {"prompt": "a", "completion": " b"}

                    {"prompt": "a", "completion":
                    """),
            ""),
        row("not UTF-8", p -> Files.write(p.path("rows.jsonl"), new byte[] {'{', (byte) 0xFF}), ""),
        row(
            "UTF-16, as PowerShell writes it",
            p ->
                Files.writeString(
                    p.path("rows.jsonl"), "\uFEFF{\"text\": \"a\"}", StandardCharsets.UTF_16LE),
            ""),
        row(
            "messages",
            p ->
                p.write(
                    "rows.jsonl",
                    "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}]}"),
            ""),
        row(
            "a template that cannot be read",
            p ->
                p.write(
                    "broken.jinja",
                    "{% for m in messages %}\n{{ m.content | frobnicate }}\n{% endfor %}"),
            "--template D/broken.jinja"),
        row(
            "a conversation that its template refuses",
            p ->
                p.write("strict.jinja", "{{ raise_exception('roles must alternate') }}")
                    .write(
                        "rows.jsonl",
                        "{\"messages\": [{\"role\": \"user\", \"content\": \"b\"}, {\"role\":"
                            + " \"assistant\", \"content\": \"a\"}]}"),
            "--template D/strict.jinja"),
        row(
            "bad rows of two kinds in two files",
            p ->
                p.write("a.jsonl", "{\"prompt\": \"a\"}\n".repeat(30))
                    .write(
                        "b.jsonl",
                        "[]\n{\"prompt\": \"a\"}\n{\"prompt\": \"a\", \"completion\": \"b\"}"),
            "--data D/a.jsonl --data D/b.jsonl"),
        row(
            "a CSV file with a record of another length",
            p -> p.write("rows.csv", "prompt;completion\na;b\n\na;b;c\n"),
            "--data D/rows.csv"),
        row(
            "a Parquet file, held out",
            p -> p.write("held.parquet", "PAR1\u0015\u0004"),
            "--eval-data D/held.parquet"),
        row(
            "a file compressed with gzip and cut off",
            p ->
                Files.write(
                    p.path("rows.jsonl.gz"),
                    Arrays.copyOf(gzip(Files.readString(p.path("rows.jsonl"))), 40)),
            "--data D/rows.jsonl.gz"),
        row(
            "a file compressed with zstd",
            p -> Files.write(p.path("rows.zst"), new byte[] {0x28, (byte) 0xB5, 0x2F, (byte) 0xFD}),
            "--data D/rows.zst"));
  }

  static Stream<Mistake> adapter() {
    return mistakes(
        "train, the adapter",
        row("adapter of another base", p -> strange(p, OTHER), "--init-adapter D/strange"),
        row("adapter with a broken nudge.json", p -> strange(p, "{"), "--init-adapter D/strange"),
        row(
            "adapter of a newer nudge",
            p -> strange(p, "{\"version\": 2}"),
            "--init-adapter D/strange"),
        row(
            "modules to save with an adapter to continue from",
            BadInputTest::initAdapter,
            "--modules-to-save lm_head --init-adapter D/init"),
        row(
            "an adapter of another kind to continue from",
            BadInputTest::initAdapter,
            "--method ia3 --init-adapter D/init"),
        row(
            "an adapter to continue from that adds nothing",
            p ->
                initAdapter(p)
                    .edit("init/adapter_config.json", "\"lora_alpha\": 8", "\"lora_alpha\": 0"),
            "--init-adapter D/init"),
        row(
            "an empty file of tokens",
            p -> p.write("tokens.txt", "\n\n"),
            "--add-tokens D/tokens.txt"),
        row(
            "a new token with a blank at its end",
            p -> p.write("tokens.txt", "<a>\n<b> \n"),
            "--add-tokens D/tokens.txt"),
        row(
            "an adapter whose rows of tokens are not there",
            p ->
                initAdapter(p)
                    .edit(
                        "init/adapter_config.json",
                        "\"trainable_token_indices\": null",
                        "\"trainable_token_indices\": [3]"),
            "--init-adapter D/init"),
        row(
            "an adapter whose whole module is not there",
            p ->
                initAdapter(p)
                    .edit(
                        "init/adapter_config.json",
                        "\"modules_to_save\": null",
                        "\"modules_to_save\": [\"model.norm\"]"),
            "--init-adapter D/init"),
        row(
            "an adapter with negative token ids",
            p ->
                initAdapter(p)
                    .edit(
                        "init/adapter_config.json",
                        "\"trainable_token_indices\": null",
                        "\"trainable_token_indices\": [-1]"),
            "--init-adapter D/init"),
        row("adapter of another shape", BadInputTest::otherAdapter, "--init-adapter D/other"),
        row(
            "an adapter with a key that is not supported",
            p ->
                initAdapter(p)
                    .edit(
                        "init/adapter_config.json",
                        "\"fan_in_fan_out\": false",
                        "\"fan_in_fan_out\": true"),
            "--init-adapter D/init"),
        row(
            "DoRA over an adapter that is plain",
            BadInputTest::initAdapter,
            "--dora --init-adapter D/init"),
        row("another rank", BadInputTest::initAdapter, "--init-adapter D/init --rank 8"),
        row("another alpha", BadInputTest::initAdapter, "--init-adapter D/init --alpha 9"),
        row("other targets", BadInputTest::initAdapter, "--init-adapter D/init --targets q_proj"),
        row("rsLoRA", BadInputTest::initAdapter, "--init-adapter D/init --rs-lora"),
        row(
            "a config that disagrees with the tensors",
            p -> initAdapter(p).edit("init/adapter_config.json", "\"r\": 4", "\"r\": 5"),
            "--init-adapter D/init"));
  }

  static Stream<Mistake> place() {
    return mistakes(
        "train, the place",
        row(
            "out holds an adapter that is no run",
            p -> p.copy(Goldens.FOLDER.resolve("train/grouped-tied/init"), "out"),
            "--overwrite"),
        row(
            "out holds a run that cannot be read",
            p -> p.write("out/run.json", "{"),
            "--overwrite"),
        row(
            "out is left half replaced, with something in the way",
            p -> halfReplaced(p, "out"),
            "--overwrite"),
        row(
            "the model is left half replaced, with something in the way",
            p -> halfReplaced(p, "model"),
            ""),
        row(
            "out is a link to nothing",
            p -> Files.createSymbolicLink(p.path("out"), p.path("none")),
            ""),
        row(
            "checkpoints that lie elsewhere",
            p -> {
              p.write("out/run.json", "{}");
              p.write("elsewhere/mine.txt", "mine");
              Files.createSymbolicLink(p.path("out/checkpoints"), p.path("elsewhere"));
            },
            "--overwrite"),
        row(
            "going on and beginning anew",
            p -> p.write("out/run.json", "{\"state\": \"stopped\"}"),
            "--resume --overwrite"));
  }

  static Stream<Mistake> flags() {
    return mistakes(
        "train, the flags",
        row(
            "scales that are stored in another way",
            p -> p.copy(Goldens.FOLDER.resolve("bnb/plain"), "model"),
            "--double-quant"),
        row("GPTQ with other bits than its file", p -> gptq(p, "\"bits\": 4", "\"bits\": 8"), ""),
        row("GPTQ with bits that it does not have", p -> gptq(p, "\"bits\": 4", "\"bits\": 6"), ""),
        row(
            "GPTQ with groups of nothing",
            p -> gptq(p, "\"group_size\": 32", "\"group_size\": 0"),
            ""),
        row(
            "GPTQ without the groups of its inputs",
            p -> renamed(gptq(p, "{", "{"), "q_proj.g_idx", "q_proj.g_idy"),
            ""),
        row("GPTQ whose packs end early", p -> renamed(gptq(p, "{", "{"), "[8,96]", "[7,96]"), ""),
        row(
            "AWQ whose file ends early",
            p ->
                cut(
                    p.copy(Goldens.FOLDER.resolve("grouped/awq-32/model"), "model")
                        .path("model/model.safetensors"),
                    20_000),
            ""),
        row(
            "GPTQ that is quantised again",
            p -> gptq(p, "\"bits\": 4", "\"bits\": 4"),
            "--quantize nf4"),
        row(
            "LoftQ of stored four bits",
            p -> p.copy(Goldens.FOLDER.resolve("bnb/plain"), "model"),
            "--init loftq"),
        row(
            "full over another model",
            p -> p.copy(Goldens.FOLDER.resolve("llama/linear-rope/model"), "other"),
            "--method full --out D/other --overwrite"),
        row(
            "an adapter over another model",
            p -> p.copy(Goldens.FOLDER.resolve("llama/linear-rope/model"), "other"),
            "--out D/other --overwrite"));
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
      check(place.train(flags.toArray(String[]::new)), mistake);
      assertThat(place.listing()).isEqualTo(before);
    }
  }

  static Stream<Mistake> init() {
    return mistakes(
        "init",
        row(
            "a type that weights cannot have",
            p -> p.write("c.json", "{\"model_type\": \"llama\", \"torch_dtype\": \"int8\"}"),
            "--config D/c.json"),
        row(
            "a quantised config",
            p ->
                p.write(
                    "c.json",
                    "{\"model_type\": \"llama\", \"quantization_config\": {\"quant_method\":"
                        + " \"bitsandbytes\", \"load_in_4bit\": true, \"bnb_4bit_quant_type\":"
                        + " \"nf4\"}}"),
            "--config D/c.json"),
        row(
            "padding outside the vocabulary",
            p -> p.write("c.json", "{\"model_type\": \"llama\", \"pad_token_id\": 32000}"),
            "--config D/c.json"),
        row("an empty text", p -> p.write("empty.txt", "\n\n"), "--tokenizer-data D/empty.txt"));
  }

  @ParameterizedTest
  @MethodSource("init")
  void aMistakeOfInitIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    place.write("small.json", "{\"model_type\": \"llama\", \"vocab_size\": 67}");
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    check(place.init(mistake.flags), mistake);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> answers() {
    return mistakes(
        "score and generate",
        row("adapter of another base", p -> strange(p, OTHER), "--adapter D/strange"),
        row("adapter with a broken nudge.json", p -> strange(p, "{"), "--adapter D/strange"),
        row("adapter of a newer nudge", p -> strange(p, "{\"version\": 2}"), "--adapter D/strange"),
        row("adapter of another shape", BadInputTest::otherAdapter, "--adapter D/other"),
        row(
            "a model that is left half replaced, with something in the way",
            p -> halfReplaced(p, "model"),
            ""),
        row(
            "an adapter that is left half replaced, with something in the way",
            p -> halfReplaced(p, "cut"),
            "--adapter D/cut"),
        row("no rows", p -> p.write("rows.jsonl", ""), ""));
  }

  @ParameterizedTest
  @MethodSource("answers")
  void aMistakeOfScoreAndGenerateIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    for (String verb : List.of("score", "generate")) {
      Ran ran = place.answer(verb, mistake.flags);
      check(new Ran(ran.code(), ran.out(), ran.err().replace("for " + verb, "for VERB")), mistake);
      assertThat(place.listing()).isEqualTo(before);
    }
  }

  private static final String NO_ADAPTER =
      "D/none does not exist; an adapter is the folder of a run, or one with adapter_config.json"
          + " and adapter_model.safetensors as PEFT saves it";

  static Stream<Mistake> releases() {
    return mistakes(
        "release",
        row("adapter of another base", p -> strange(p, OTHER), "--adapter D/strange"),
        row(
            "out is another model",
            p -> p.copy(Goldens.FOLDER.resolve("llama/minimal-f16/model"), "out"),
            "--overwrite"));
  }

  @ParameterizedTest
  @MethodSource("releases")
  void aMistakeOfReleaseIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder).copy(Goldens.ADAPTER, "adapter");
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    check(place.release(mistake.flags), mistake);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> exports() {
    return mistakes(
        "export",
        row("adapter of another base", p -> strange(p, OTHER), "--adapter D/strange"),
        row("no tokenizer", p -> Files.delete(p.path("model/tokenizer.json")), ""));
  }

  @ParameterizedTest
  @MethodSource("exports")
  void aMistakeOfExportIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder).copy(Goldens.ADAPTER, "adapter");
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    check(place.export(mistake.flags), mistake);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> merges() {
    return mistakes(
        "merge",
        row("adapter of another base", p -> strange(p, OTHER), "--adapter D/strange"),
        row("adapter with a broken nudge.json", p -> strange(p, "{"), "--adapter D/strange"),
        row("adapter of a newer nudge", p -> strange(p, "{\"version\": 2}"), "--adapter D/strange"),
        row(
            "the second adapter of another shape",
            BadInputTest::otherAdapter,
            "--adapter D/adapter --adapter D/other"),
        row(
            "out is another model",
            p -> p.copy(Goldens.FOLDER.resolve("llama/minimal-f16/model"), "out"),
            "--overwrite"),
        row(
            "out is left half replaced, with something in the way",
            p -> halfReplaced(p, "out"),
            "--overwrite"),
        row("truncated weights", p -> cut(p.path("model/model.safetensors"), 100), ""));
  }

  @ParameterizedTest
  @MethodSource("merges")
  void aMistakeOfMergeIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder).copy(Goldens.ADAPTER, "adapter");
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    check(place.merge(mistake.flags), mistake);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> evaluations() {
    return mistakes(
        "eval",
        row("no documents", p -> Files.delete(p.path("data/acme/quiz/test.jsonl")), ""),
        row("empty documents", p -> p.write("data/acme/quiz/test.jsonl", ""), ""),
        row(
            "a class of Python",
            p -> p.edit("tasks/quiz.yaml", "test_split", "class: !function task.Quiz\ntest_split"),
            ""),
        row(
            "an unknown filter",
            p ->
                p.edit(
                    "tasks/quiz.yaml",
                    "metric_list",
                    "filter_list: [{name: a, filter: [{function: squeeze}]}]\nmetric_list"),
            ""),
        row(
            "clusters of no one column",
            p -> p.edit("tasks/quiz.yaml", "metric_list", "metadata: {cluster: [q]}\nmetric_list"),
            ""),
        row(
            "a choice without tokens",
            p ->
                p.edit("tasks/quiz.yaml", "\"the valve\"", "\"\"")
                    .edit("tasks/quiz.yaml", "metric_list", "target_delimiter: \"\"\nmetric_list"),
            ""),
        row("an empty policy", p -> p.write("policy.yaml", ""), "--policy D/policy.yaml"),
        row(
            "an adapter of another base",
            p -> p.copy(Goldens.FOLDER.resolve("peft/rslora/adapter"), "other"),
            "--adapter D/other"),
        row(
            "the same adapter twice",
            p -> p.copy(Goldens.ADAPTER, "adapter"),
            "--adapter D/adapter --compare D/adapter"),
        row(
            "the same adapter twice, by other names",
            p -> p.copy(Goldens.ADAPTER, "adapter"),
            "--adapter D/adapter --compare D/adapter/"),
        row(
            "another base's adapter to compare with",
            p -> p.copy(Goldens.FOLDER.resolve("peft/rslora/adapter"), "other"),
            "--compare D/other"),
        row(
            "training data without a file",
            p -> Files.createDirectory(p.path("empty")),
            "--train-data D/empty"));
  }

  @ParameterizedTest
  @MethodSource("evaluations")
  void aMistakeOfEvalIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder).quiz();
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    check(place.evaluate(mistake.flags), mistake);
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
    return mistakes(
        "sweep",
        row("no YAML", p -> p.write("sweep.yaml", "a: [1"), ""),
        row("nothing to try", p -> sweep(p), ""),
        row("two kinds", p -> sweep(p, grid, "list: [{rank: 4}]"), ""),
        row("an unknown part", p -> sweep(p, "grd: {rank: [4, 8]}"), ""),
        row("no base", p -> p.write("sweep.yaml", grid), ""),
        row("a folder in the base", p -> p.write("sweep.yaml", "base: {out: x}\n" + grid), ""),
        row("one value", p -> sweep(p, "grid: {rank: 4}"), ""),
        row("an unknown setting", p -> sweep(p, "grid: {rnk: [4, 8]}"), ""),
        row("a setting that train refuses", p -> sweep(p, "grid: {rank: [4, 0]}"), ""),
        row("a setting that its model refuses", p -> sweep(p, "list: [{}, {targets: q_prj}]"), ""),
        row(
            "a variant that excludes another setting",
            p -> sweep(p, "list: [{}, {dora: true, dropout: 0.1}]"),
            ""),
        row("the same twice", p -> sweep(p, "grid: {rank: [4, 4]}"), ""),
        row(
            "no held-out rows",
            p -> {
              sweep(p, grid);
              p.edit("sweep.yaml", "eval_split: 0.4, ", "");
            },
            ""),
        row("another metric", p -> sweep(p, grid, "metric: accuracy"), ""),
        row("half an evaluation as metric", p -> sweep(p, grid, "metric: {task: quiz}"), ""),
        row(
            "an evaluation of no task",
            p -> sweep(p, grid, "metric: {task: retentoin, metric: acc}"),
            ""),
        row(
            "an evaluation of several tasks",
            p -> sweep(p, grid, "metric: {task: retention, metric: acc}"),
            ""),
        row(
            "a metric that a task lacks",
            p -> sweep(p, grid, "metric: {task: retention_knowledge, metric: f1}"),
            ""),
        row("halving keeps all", p -> sweep(p, grid, "halving: {keep: 1, at: [2]}"), ""),
        row("halving at no step", p -> sweep(p, grid, "halving: {keep: 0.5, at: [2, 1]}"), ""),
        row("halving at the end", p -> sweep(p, grid, "halving: {keep: 0.5, at: [4]}"), ""),
        row(
            "halving on other rows",
            p -> sweep(p, "grid: {seed: [1, 2, 3, 4]}", "halving: {keep: 0.5, at: [2]}"),
            ""),
        row(
            "halving with no checkpoint to go on from",
            p -> sweep(p, "list: [{}, {keep: 0}]", "halving: {keep: 0.5, at: [2]}"),
            ""),
        row(
            "a range backwards",
            p -> sweep(p, "random: {count: 2, learning_rate: {log: [1e-3, 1e-4]}}"),
            ""),
        row("too many to draw", p -> sweep(p, "random: {count: 3, rank: [4, 8]}"), ""),
        row("an empty list", p -> sweep(p, "list: []"), ""),
        row(
            "a file of the sweep as name",
            p -> sweep(p, "list: [{name: sweep.json, rank: 4}]"),
            ""),
        row("a path as name", p -> sweep(p, "list: [{name: ../x, rank: 4}]"), ""),
        row("no number of draws", p -> sweep(p, "random: {count: 0, rank: [4, 8]}"), ""),
        row(
            "a seed that is no number",
            p -> sweep(p, "random: {count: 2, seed: x, rank: [4, 8]}"),
            ""),
        row("nothing to draw", p -> sweep(p, "random: {count: 2, seed: 1}"), ""),
        row("an unknown key of halving", p -> sweep(p, grid, "halving: {keeps: 0.5, at: [2]}"), ""),
        row(
            "an unknown key of metric",
            p -> sweep(p, grid, "metric: {task: quiz, metrics: acc}"),
            ""),
        row(
            "a limit of no document",
            p -> sweep(p, grid, "metric: {task: quiz, metric: acc, limit: 0}"),
            ""),
        row(
            "all weights into a registry",
            p -> sweep(p, "grid: {learning_rate: [1e-4, 1e-3], method: [full]}"),
            "--push a --registry D/registry"),
        row(
            "a protected alias",
            p -> {
              sweep(p, grid);
              Registry to = Registry.open(p.path("registry"));
              to.push("a", Goldens.ADAPTER, Note.of("test"));
              to.protect("a", "best", null, false, Note.of("test"));
            },
            "--push a@best --registry D/registry"),
        row(
            "an alias of another base",
            p -> {
              sweep(p, grid);
              Registry to = Registry.open(p.path("registry"));
              Path other = MadeAdapters.on(p.path("other"), 1, "sha256:" + "e".repeat(64));
              Version version = to.push("a", other, Note.of("test")).version();
              to.alias("a", "best", version, Alias.Expected.ANY, Note.of("test"));
            },
            "--push a@best --registry D/registry"),
        row("nowhere to push", p -> sweep(p, grid), "--push a@b@c"),
        row("a file as registry", p -> sweep(p, grid), "--push a --registry D/rows.jsonl"),
        row("another folder as registry", p -> sweep(p, grid), "--push a --registry D/model"),
        row("nothing to go on with", p -> sweep(p, grid), "--resume"),
        row(
            "something else in the place",
            p -> {
              sweep(p, grid);
              p.write("out/notes.txt", "mine");
            },
            ""));
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
    check(place.run(line.toArray(String[]::new)), mistake);
    assertThat(place.listing()).isEqualTo(before);
  }

  /// A registry with a champion, support:1, and support:2, which is blocked.
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
    return mistakes(
        "adapters",
        row(
            "an adapter with a broken nudge.json is pushed",
            p -> p.write("adapter/nudge.json", "{"),
            "push a D/adapter"),
        row(
            "an adapter of links, as a hub's cache has it",
            p -> {
              Files.move(p.path("adapter/adapter_model.safetensors"), p.path("blob.safetensors"));
              Files.createSymbolicLink(
                  p.path("adapter/adapter_model.safetensors"), p.path("blob.safetensors"));
            },
            "push a D/adapter"),
        row(
            "an archive that is none",
            p -> p.write("a.tar", "text".repeat(200)),
            "pull a D/a.tar --registry D/new"),
        row("an archive that is there", p -> p.write("a.tar", ""), "publish support:1 D/a.tar"));
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
    check(place.run(line.toArray(String[]::new)), mistake);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> references() {
    return mistakes("references");
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
      check(place.answer(verb, flags.toArray(String[]::new)), mistake);
    }
    check(place.merge(flags.toArray(String[]::new)), mistake);
    flags.set(0, "--init-adapter");
    check(place.train(flags.toArray(String[]::new)), mistake);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> quickstarts() {
    return mistakes("quickstart");
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
    check(place.run(line.toArray(String[]::new)), mistake);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> experiments() {
    String server = " --server http://127.0.0.1:9";
    return mistakes(
        "experiments",
        row(
            "a log that is damaged",
            p -> p.write("store/x.jsonl", "broken\n" + EMPTY_RECORD),
            "list --store D/store"),
        row(
            "a log of another kind",
            p -> p.write("store/x.jsonl", EMPTY_RECORD),
            "list --store D/store"),
        row("an empty key file", p -> p.write("key", "\n"), "list --admin-key-file D/key" + server),
        row(
            "the digest of a key",
            p -> p.write("key", "sha256:" + "0".repeat(64)),
            "list --admin-key-file D/key" + server));
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
    check(place.run(line.toArray(String[]::new)), mistake);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> previews() {
    return mistakes(
        "data preview", row("no tokenizer", p -> Files.delete(p.path("model/tokenizer.json")), ""));
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
    check(place.run(line.toArray(String[]::new)), mistake);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> feedbacks() {
    String answer =
        "{\"kind\":\"answer\",\"id\":\"a\",\"prompt\":\"q\",\"answers\":[\"x\"],\"finish\":[\"stop\"]}\n";
    String said = "{\"kind\":\"feedback\",\"id\":\"%s\",\"choice\":0,\"score\":%s}\n";
    String file = "captured/anonymous/teams/2026-11-30.jsonl";
    return mistakes(
        "data from-feedback",
        row(
            "nothing of which a row can be made",
            p -> p.write(file, answer + said.formatted("a", 0.5) + said.formatted("gone", 1)),
            "D/captured --out D/out"),
        row(
            "no such adapter",
            p -> p.write(file, answer + said.formatted("a", 1)),
            "D/captured --adapter legal --out D/out"),
        row(
            "rows that are there",
            p -> p.write(file, answer + said.formatted("a", 1)).write("out/kto.jsonl", "mine"),
            "D/captured --out D/out"));
  }

  @ParameterizedTest
  @MethodSource("feedbacks")
  void aMistakeOfFeedbackIsOneLine(Mistake mistake) throws IOException {
    Place place = Place.in(folder);
    mistake.spoiling.spoil(place);
    Map<String, String> before = place.listing();
    List<String> line = new ArrayList<>(List.of("data", "from-feedback"));
    line.addAll(List.of(mistake.flags));
    check(place.run(line.toArray(String[]::new)), mistake);
    assertThat(place.listing()).isEqualTo(before);
  }

  static Stream<Mistake> serves() {
    String keys = "--api-keys D/keys.json";
    return mistakes(
        "serve",
        row("an adapter of another base", p -> strange(p, OTHER), "--adapter one=D/strange"),
        row(
            "an adapter that is called as the base",
            p -> p.copy(Goldens.ADAPTER, "adapter"),
            "--adapter model=D/adapter"),
        row(
            "a certificate that is none",
            p -> p.write("cert.pem", "x").write("key.pem", "x"),
            "--tls-cert D/cert.pem --tls-key D/key.pem"),
        row("a file of clients that is not JSON", p -> p.write("keys.json", "{"), keys),
        row(
            "a client without a key",
            p -> p.write("keys.json", "{\"clients\": [{\"name\": \"acme\"}]}"),
            keys),
        row(
            "an admin key that is too short",
            p -> p.write("admin", "secret"),
            "--admin-key-file D/admin"));
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
    check(place.run(command.toArray(String[]::new)), mistake);
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
        "plan",
        row(
            "a tokenizer of another model",
            p -> p.copy(Goldens.FOLDER.resolve("llama/linear-rope/model"), "model"),
            "--data D/rows.jsonl"));
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
    check(place.run(line.toArray(String[]::new)), mistake);
    assertThat(place.listing()).isEqualTo(before);
  }

  @Test
  void aMistakeAfterHelpIsOneLine() throws IOException {
    Place place = Place.in(folder);
    check(place.run("help", "trian"), "unknown verb trian; did you mean train?");
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
      String[] run = {
        "--out", "D/disk/out", "--rank", "32", "--steps", "20", "--warmup", "0", "-q"
      };
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
      tooSmall(
          place.train("--out", "D/disk/out", "--method", "full", "-q"),
          "1 model of \\d+ KiB",
          free);
      tooSmall(place.merge("--out", "D/disk/out", "--any-base", "-q"), "a model", free);
      tooSmall(
          place.merge("--out", "D/disk/out", "--any-base", "--store", "nf4", "-q"),
          "a dense model, and one in four bits beside it",
          free);
      mount.fill(8 << 10);
      tooSmall(
          place.run("quantize", "--model", "D/model", "--out", "D/disk/out", "-q"),
          "a model in nf4",
          free);
      assertThat(mount.at.toFile().list()).containsExactly(Mount.FILLER);
    }
  }

  /// The command is quiet: a slow one shows its progress, as lines beside the mistake.
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
    String weights = "adapter_model.safetensors";
    return mistakes(
        "train, after a run",
        row(
            "a row was added",
            p -> p.edit("rows.jsonl", " valve\"}\n", " valve\"}\n{\"text\": \"a\"}\n"),
            ""),
        row(
            "rows in another order",
            p -> {
              List<String> lines = new ArrayList<>(Files.readAllLines(p.path("rows.jsonl")));
              Collections.swap(lines, 0, 1);
              Files.write(p.path("rows.jsonl"), lines);
            },
            "--dry-run"),
        row("the data is gone", p -> Files.delete(p.path("rows.jsonl")), ""),
        row("the adapter is gone", p -> Files.delete(p.path("out/" + weights)), ""),
        row("the adapter is cut short", p -> cut(p.path("out/" + weights), 5_000), ""),
        row(
            "the adapter is another",
            p ->
                Files.copy(
                    Goldens.FOLDER.resolve("peft/all-linear/adapter/" + weights),
                    p.path("out/" + weights),
                    StandardCopyOption.REPLACE_EXISTING),
            ""),
        row(
            "the adapter's config is gone",
            p -> Files.delete(p.path("out/adapter_config.json")),
            ""));
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
    check(place.train(with(run, mistake.flags)), mistake);
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
    assertThat(lines(ran)).isEqualTo("nudge: " + line);
    assertThat(ran.out()).isEmpty();
    assertThat(ran.code()).isEqualTo(2);
  }

  /// What stands in the file may be written anew; exit code and form of the line stay what they
  /// are.
  private static void check(Ran ran, Mistake mistake) {
    String lines = lines(ran);
    assertThat(ran.code()).as(lines).isEqualTo(2);
    assertThat(ran.out()).isEmpty();
    assertThat(lines).startsWith("nudge: ").doesNotContainPattern("Exception|[a-z]Error\\b");
    assertThat(lines.lines().skip(1)).as("rows").allMatch(line -> line.matches("D/\\S+ lines? .+"));
    Stream<String> given = Stream.of(mistake.flags).flatMap(word -> Stream.of(WORDS.split(word)));
    assertThat(NAMED.matcher(lines).find() || given.anyMatch(w -> names(lines, w)))
        .as("names a flag, a file or what was given: %s", lines)
        .isTrue();
    SENTENCES.check(mistake.group, mistake.input, ran.code(), lines);
  }

  private static boolean names(String lines, String word) {
    return word.length() > 2 && (lines.contains(word) || lines.contains(word.replace('-', '_')));
  }

  private static final Pattern WORDS = Pattern.compile("^--|[,=]|registry:");
  private static final Pattern NAMED =
      Pattern.compile("--[a-z]|D/|\\w\\.(json|yaml)\\b|: [A-Z]{4,} is |: - is |: setting \\S+=");

  private static String lines(Ran ran) {
    return ran.err()
        .lines()
        .filter(line -> !line.startsWith("nudge: warning: "))
        .collect(Collectors.joining("\n"));
  }

  private static Mistake row(String name, Spoiling spoiling, String flags) {
    return new Mistake("", ("[" + name + "] " + flags).strip(), spoiling, words(flags));
  }

  private static String[] words(String flags) {
    return flags.isEmpty() ? new String[0] : flags.split(" ");
  }

  /// A line `FILE: TEXT` writes a line of a file, `FILE: OLD => NEW` changes a text in one.
  private static final Pattern CHANGE = Pattern.compile("([a-z][\\w./]*): (.*?)(?: => (.*))?");

  /// The mistakes of a group in the file, with those that are made in Java.
  private static Stream<Mistake> mistakes(String group, Mistake... made) {
    Map<String, Mistake> byInput =
        Stream.of(made).collect(Collectors.toMap(Mistake::input, mistake -> mistake));
    return SENTENCES.inputs(group, List.copyOf(byInput.keySet())).stream()
        .map(
            input ->
                byInput.containsKey(input)
                    ? new Mistake(
                        group, input, byInput.get(input).spoiling, byInput.get(input).flags)
                    : plain(group, input));
  }

  private static Mistake plain(String group, String input) {
    List<Matcher> changes = input.lines().map(CHANGE::matcher).filter(Matcher::matches).toList();
    List<String> flags = input.lines().filter(line -> !CHANGE.matcher(line).matches()).toList();
    assertThat(flags).hasSizeLessThan(2);
    return new Mistake(group, input, p -> spoil(p, changes), words(String.join("", flags)));
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
