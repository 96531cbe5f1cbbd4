package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import dev.nudge.Backends;
import dev.nudge.adapter.PeftFiles;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.plan.Rates;
import dev.nudge.plan.SpeedProbe;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.PlanSettings;
import dev.nudge.settings.train.Rate;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.node.ObjectNode;

/// Holds what `plan` answers, byte by byte for a 7B, and how it refuses and advises.
///
/// What the pass itself takes is measured and moves with the code; the golden table holds its keys
/// and no number for them.
class ForecastTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/plan");
  private static final Machine MACHINE = new Machine(2, 24L << 30, Backends.cache(), "test");
  private static final Forecast.Probe FIXED = (config, form, lora, plan) -> new Rates(9, 9, 9, 0);
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private Path temp;

  @Test
  void theTableOfA7BIsTheGoldenOne() throws IOException {
    Outlook outlook = plan("max_length", 512, "batch_size", 1, "quantize", "nf4");
    ObjectNode values = (ObjectNode) JSON.readTree(JSON.writeValueAsString(outlook.values()));
    blank(values, "activation_bytes_by_level", "advice");
    ObjectNode plan = (ObjectNode) values.get("plan");
    blank(plan, "workspace_bytes", "total_bytes");
    blank(
        (ObjectNode) plan.get("bytes"),
        "activations",
        "head",
        "backward",
        "workspace",
        "runtime",
        "anonymous");
    assertThat(values.toPrettyString())
        .isEqualTo(JSON.readTree(Files.readString(GOLDEN.resolve("7b.json"))).toPrettyString());
  }

  private static void blank(ObjectNode node, String... keys) {
    for (String key : keys) {
      assertThat(node.has(key)).as(key).isTrue();
      node.putNull(key);
    }
  }

  /// No words of the code, and no hours where there are seconds.
  @Test
  void theTableSpeaksPlainly() {
    Outlook outlook = plan("max_length", 512, "batch_size", 1, "quantize", "nf4");
    assertThat(String.join("\n", outlook.lines()))
        .contains("\n  memory of the process, at its peak  ")
        .contains("\n    gate and up projections  ", "\n    all but attention  ")
        .doesNotContain("RssAnon", "gate up", "offloaded");
    assertThat(time(outlook, 0.002)).isEqualTo("time       7.2 seconds, cost below 0.01");
    assertThat(time(outlook, 0.02)).isEqualTo("time       72 seconds, cost 0.02");
    assertThat(time(outlook, 0.5)).isEqualTo("time       30 minutes, cost 0.60");
    assertThat(time(outlook, 2.5)).isEqualTo("time       2.50 hours, cost 3.00");
    assertThat(time(outlook, null))
        .isEqualTo(
            "time       33 minutes a million tokens, cost 0.67; --tokens, --data or --steps says"
                + " how many there are");
  }

  /// What is said of a run of so many hours at 500 tokens a second and 1.2 an hour.
  private static String time(Outlook o, @Nullable Double hours) {
    var pace = new Outlook.Pace(new Rates(9, 9, 9, 9), 2, 1000, hours, 1.2, List.of());
    return new Outlook(
            o.settings(), o.config(), o.attempt(), o.memory(), o.levels(), o.remedies(), pace)
        .lines().stream().filter(line -> line.startsWith("time ")).findFirst().orElseThrow();
  }

  @Test
  void ofRanksTheCommandIsShownAndTheirSumIsNotTimed() {
    Object[] run = {"max_length", 64, "batch_size", 8, "lanes", 1};
    assertThat(plan(run).lines()).noneMatch(line -> line.startsWith("submit "));
    Map<String, Object> values = values(run);
    values.putAll(Map.of("ranks", 4, "probe", true, "memory", "100G"));
    Outlook many = of(values);
    assertThat(many.plan().ranks()).isEqualTo(4);
    assertThat(many.lines())
        .anyMatch(line -> line.startsWith("submit     ") && line.endsWith("train --ranks 4 …"));
    String gradients = Bytes.shown(4 * many.attempt().count().trained());
    assertThat(Objects.requireNonNull(many.pace()).notCounted())
        .containsExactly("the sum over the ranks, " + gradients + " of gradients a step");
  }

  @Test
  void remediesAreFlagsThatMakeItFit() {
    Outlook outlook = plan("max_length", 2048, "batch_size", 1, "lanes", 1, "memory", "700M");
    assertThat(outlook.fits()).isFalse();
    assertThat(outlook.remedies()).isNotEmpty();
    for (String flags : outlook.remedies()) {
      String[] words = flags.split(" ");
      Map<String, Object> changed =
          values("max_length", 2048, "batch_size", 1, "lanes", 1, "memory", "700M");
      for (int i = 0; i < words.length; i += 2) {
        changed.put(words[i].substring(2).replace('-', '_'), words[i + 1]);
      }
      assertThat(of(changed).fits()).as(flags).isTrue();
    }
    assertThat(outlook.lines()).anyMatch(line -> line.startsWith("does not fit: "));
  }

  /// Weights that are in four bits already get no advice to be so.
  @Test
  void onlyWeightsOfMoreThanAByteEachAreToBeQuantised() throws IOException {
    String shape =
        """
        {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008,
         "num_hidden_layers": 32, "num_attention_heads": 32, "vocab_size": 32000%s}
        """;
    String nf4 =
        """
        , "quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true,
         "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": true}
        """;
    Object[] run = {"model", temp, "max_length", 64, "batch_size", 1, "memory", "3G"};
    Files.writeString(temp.resolve("config.json"), shape.formatted(""));
    assertThat(plan(run).lines())
        .anyMatch(l -> l.endsWith("disk again; --quantize nf4 makes them about 29 % of that"));
    Files.writeString(temp.resolve("config.json"), shape.formatted(nf4));
    assertThat(plan(run).lines()).anyMatch(l -> l.endsWith("from the disk again"));
  }

  @Test
  void allWeightsOfA7BAreCounted() {
    Object[] full = {"method", "full", "max_length", 512, "batch_size", 2, "memory", "200G"};
    Outlook roomy = plan(full);
    assertThat(roomy.fits()).isTrue();
    assertThat(roomy.attempt().count().share()).isEqualTo(1);
    long n = roomy.attempt().count().trained();
    assertThat(roomy.plan().footprint().mapped()).isZero();
    assertThat(roomy.plan().footprint().gradients()).isEqualTo(8 * n);
    assertThat(roomy.lines())
        .anyMatch(l -> l.contains("22.0 bytes each: master 4.0, copy 2.0, gradients 2 × 4.0"));

    Map<String, Object> tight = values(full);
    tight.put("memory", "130G");
    Outlook one = of(tight);
    assertThat(one.fits()).isTrue();
    assertThat(one.plan().lanes()).isEqualTo(1);
    tight.put("memory", "40G");
    tight.put("freeze", "/model/");
    Outlook head = of(tight);
    assertThat(head.attempt().count().trained()).isEqualTo(32000L * 4096);

    tight.remove("freeze");
    assertThat(of(tight).fits()).isFalse();
    for (String flags : of(tight).remedies()) {
      String[] words = flags.split(" ");
      Map<String, Object> changed = new HashMap<>(tight);
      for (int i = 0; i < words.length; i += 2) {
        changed.put(words[i].substring(2).replace('-', '_'), words[i + 1]);
      }
      assertThat(of(changed).fits()).as(flags).isTrue();
    }
    assertThat(of(tight).remedies()).anyMatch(flags -> flags.startsWith("--memory "));
  }

  @Test
  void adviceIsInTheNumbersOfTheModel() {
    assertThat(plan("max_length", 512).attempt().advice())
        .anyMatch(l -> l.contains("4096 × 4096") && l.contains("131,072, 0.78 % of the matrix"))
        .anyMatch(l -> l.contains("27 GB for the weights alone"));
    assertThat(
            plan("max_length", 512, "learning_rate", 2e-5, "targets", "q_proj,v_proj")
                .attempt()
                .advice())
        .anyMatch(
            l ->
                l.contains(
                    "--learning-rate 2e-5 is low for such an adapter at a width of 4,096; auto"
                        + " takes 2.9e-4"))
        .anyMatch(l -> l.contains("64 of 224 linear layers are adapted"));
    assertThat(plan("max_length", 512, "learning_rate", 3e-4).attempt().advice())
        .anyMatch(
            l ->
                l.startsWith(
                    "--learning-rate auto takes 2.9e-4 for such an adapter at a width of 4,096"));
    assertThat(plan("max_length", 512, "objective", "dpo").attempt().advice())
        .noneMatch(l -> l.contains("rate"));
  }

  /// A config that says nf4 counts as what its weights will be, read in place: as the whole folder
  /// does, whose other weights are in the type that the config names.
  @ParameterizedTest
  @ValueSource(strings = {"plain", "double"})
  void aConfigAloneCountsTheWeightsThatItSays(String golden) throws IOException {
    Path whole = Path.of("src/test/resources/golden/bnb").resolve(golden);
    Files.copy(whole.resolve("config.json"), temp.resolve("config.json"));
    JsonNode there = bytes(whole);
    JsonNode alone = bytes(temp);
    for (String part : List.of("weights_packed", "weights_constants")) {
      assertThat(alone.get(part).asLong()).isEqualTo(there.get(part).asLong()).isZero();
    }
    for (String part : List.of("weights_mapped", "weights_dense")) {
      assertThat(alone.get(part).asLong()).as(part).isEqualTo(there.get(part).asLong());
    }
  }

  private static JsonNode bytes(Path model) {
    Outlook outlook = plan("model", model, "max_length", 32);
    return JSON.readTree(JSON.writeValueAsString(outlook.values())).at("/plan/bytes");
  }

  @Test
  void aNameThatIsNoFolderAndNoShapeIsRefused() {
    assertThatThrownBy(() -> plan("model", "9B"))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(
            "9B: no such model folder, and no shape of that name; shapes are 7B, 13B, 33B, 65B,"
                + " 70B, Llama-3.2-1B, ");
  }

  @Test
  void theShapesOfAllFamiliesAreCounted() {
    Outlook qwen = plan("model", "qwen2.5-0.5b", "max_length", 64);
    assertThat(qwen.values()).containsEntry("parameters", 494_032_768L);
    Outlook llama = plan("model", "8B", "max_length", 64);
    assertThat(llama.values()).containsEntry("parameters", 8_030_261_248L);
  }

  @Test
  void heldOutRowsNeedRows() {
    assertThatThrownBy(() -> plan("eval_data", "rows.jsonl"))
        .isInstanceOf(InputException.class)
        .hasMessage("--eval-data is given without rows; add --data");
  }

  @Test
  void rowsNeedATokenizer() {
    assertThatThrownBy(() -> plan("data", "rows.jsonl"))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--data needs a tokenizer, and 7B is a shape only");
    assertThatThrownBy(() -> plan("data", "rows.jsonl", "tokens", 5))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--tokens and --data are both given");
  }

  @Test
  void longRowsAreCutAndSplitAsInTheRun() throws IOException {
    Path rows = Files.writeString(temp.resolve("rows.jsonl"), "{\"text\": \"pump pump pump\"}\n");
    Object[] all = {"model", TinyRun.TIED, "data", rows.toString(), "max_length", 4};
    assertThatThrownBy(() -> plan(all))
        .asInstanceOf(type(InputException.class))
        .satisfies(
            e ->
                assertThat(e.details().getFirst())
                    .endsWith("; --truncate cuts its end, --split makes several rows of it"));
    for (String key : List.of("truncate", "split")) {
      Map<String, Object> values = values(all);
      values.put(key, true);
      assertThat(of(values).plan().longest()).isEqualTo(4);
    }
    assertThatThrownBy(() -> plan("split", true))
        .isInstanceOf(InputException.class)
        .hasMessage("--split is given without rows; add --data");
  }

  /// Rank, patterns and layers are the adapter's, as in the run that goes on from it.
  @ParameterizedTest
  @ValueSource(strings = {"patterns", "layers", "one-layer"})
  void anAdapterToGoOnFromIsPlannedAsItIs(String golden) throws IOException {
    Path adapter = Path.of("src/test/resources/golden/peft").resolve(golden).resolve("adapter");
    Path model = Path.of("src/test/resources/golden/llama").resolve(base(adapter)).resolve("model");
    Path rows = TinyRun.rows(temp.resolve("rows.jsonl"), 4, 20, 1);
    Prepared run =
        Training.prepare(
            TinyRun.settings(
                model, rows, temp.resolve("out"), "init_adapter", adapter, "compute", "fp32"),
            TinyRun.MACHINE);
    Outlook outlook = plan("model", model, "init_adapter", adapter, "max_length", 32);
    assertThat(outlook.attempt().count()).isEqualTo(run.count());
    double rate = run.settings().optimizer().highestRate();
    assertThat(outlook.attempt().advice())
        .anyMatch(line -> line.contains("auto takes " + Rate.shown(rate) + " for such an adapter"));
    TrainSettings fresh = TinyRun.settings(model, rows, temp.resolve("fresh"), "compute", "fp32");
    double usual = Training.prepare(fresh, TinyRun.MACHINE).settings().optimizer().highestRate();
    assertThat(rate).isGreaterThan(usual); // the adapter's alpha is less than 32
    assertThat(plan("model", model, "max_length", 32).attempt().count()).isNotEqualTo(run.count());
    assertThatThrownBy(() -> plan("model", model, "init_adapter", adapter, "rank", 9))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--rank 9 disagrees with --init-adapter " + adapter);
    Outlook tight = plan("model", model, "init_adapter", adapter, "memory", "1M");
    assertThat(tight.remedies()).isNotEmpty().noneMatch(flags -> flags.contains("--rank"));
  }

  /// The slice that is measured has fewer layers than the model, and none of that number.
  @Test
  void anAdapterOnTheLastLayerIsMeasured() {
    String layer = "model.layers.31.self_attn.q_proj";
    Path adapter = temp.resolve("adapter");
    try (Scope scope = Scope.open("test")) {
      PeftFiles.save(
          adapter,
          Lora.of(1, 2, Targets.parse(layer)),
          "7B",
          Map.of(
              PeftFiles.nameOfA(layer), scope.tensor(Dtype.F32, 1, 4096),
              PeftFiles.nameOfB(layer), scope.tensor(Dtype.F32, 4096, 1)));
    }
    Map<String, Object> values =
        values("init_adapter", adapter, "max_length", 64, "batch_size", 1, "memory", "100G");
    values.put("probe", true);
    Backend backend = Backends.orSkip(Compute.FP32);
    Forecast.Probe probe =
        (config, quantization, lora, plan) ->
            SpeedProbe.measure(config, quantization, backend, lora, plan, System::nanoTime);
    Outlook outlook = Forecast.of(PlanSettings.of(values), MACHINE, backend, probe);
    assertThat(outlook.attempt().count().trained()).isEqualTo(2 * 4096);
    assertThat(outlook.pace()).isNotNull();
  }

  @Test
  void ranksOfPatternsTakeTheirTime() {
    Object[] run = {"max_length", 64, "batch_size", 1, "memory", "100G", "probe", true};
    Map<String, Object> more = values(run);
    more.put("rank_pattern", List.of("q_proj=512"));
    Map<String, Object> all = values(run);
    all.put("rank", 512);
    double few = seconds(values(run));
    assertThat(seconds(more)).isGreaterThan(1.01 * few).isLessThan(seconds(all));
    Lora spec =
        Lora.of(8, 8, Targets.parse("q_proj,v_proj"))
            .withPatterns(Map.of("0.q_proj", 20), Map.of());
    assertThat(Forecast.meanRanks(spec, List.of("l.0.q_proj", "l.1.q_proj", "l.0.v_proj")))
        .isEqualTo(Map.of("q_proj", 14));
  }

  private static double seconds(Map<String, Object> values) {
    return Objects.requireNonNull(of(values).pace()).seconds();
  }

  /// An objective's passes beside training, each half as long: the policy's before each step, the
  /// reference's over all rows before the first one or on what was sampled, a judge's.
  @Test
  void passesOfAnObjectiveTakeTheirTime() throws IOException {
    Path rows = TinyRun.preferences(temp.resolve("rows.jsonl"), 40, 60, 1);
    Outlook.Pace dpo = pace(rows, "dpo", "steps", 1);
    double reference = 3600 * hours(dpo) - dpo.seconds(); // half a pass where a step has 1.5
    assertThat(3600 * hours(pace(rows, "dpo"))).isCloseTo(4 * reference, within(1e-6 * reference));
    Outlook.Pace kto = pace(rows, "kto", "steps", 1); // a step has 2, with mismatched sequences
    double own = 3600 * hours(kto) - 1.25 * kto.seconds();
    assertThat(3600 * hours(pace(rows, "kto"))).isCloseTo(6 * own, within(1e-6 * own));
    Outlook.Pace orpo = pace(rows, "orpo", "steps", 1);
    assertThat(3600 * hours(orpo)).isCloseTo(orpo.seconds(), within(1e-6 * orpo.seconds()));

    double once = hours(pace(rows, "grpo"));
    assertThat(hours(pace(rows, "grpo", "iterations", 2)) / once).isCloseTo(3, within(1e-9));
    double seconds = pace(rows, "grpo").seconds();
    assertThat(pace(rows, "grpo", "beta", .1).seconds() / seconds).isCloseTo(1.5, within(1e-9));
    assertThat(hours(pace(rows, "grpo", "beta", .1)) / once).isCloseTo(2, within(1e-9));
    assertThat(pace(rows, "grpo").notCounted()).isEmpty();
  }

  @Test
  void sampledCompletionsAreTimedButForTheirSampling() throws IOException {
    Path rows = TinyRun.preferences(temp.resolve("rows.jsonl"), 40, 60, 1);
    Object[] sampled = {
      "shape", "prompt-only", "reward", List.of("length:5"), "max_completion", 9, "generations", 4
    };
    Outlook.Pace pace = pace(rows, "grpo", sampled);
    assertThat(hours(pace) * 3600).isCloseTo(10 * pace.seconds(), within(1e-9));
    assertThat(pace.notCounted()).containsExactly("sampling of completions and their rewards");
    Object[] measured = Arrays.copyOf(sampled, sampled.length + 2);
    measured[sampled.length] = "beta";
    measured[sampled.length + 1] = 0.1;
    assertThat(pace(rows, "grpo", measured).seconds() / pace.seconds()).isCloseTo(2, within(1e-9));
    measured[sampled.length] = "iterations";
    measured[sampled.length + 1] = 2;
    assertThat(hours(pace(rows, "grpo", measured)) / hours(pace)).isCloseTo(3, within(1e-9));
    assertThat(plan("objective", "grpo", "max_length", 64, "memory", "100G", "probe", true).lines())
        .contains("not timed  sampling of completions and their rewards");
  }

  private static double hours(Outlook.Pace pace) {
    return Objects.requireNonNull(pace.hours());
  }

  private static Outlook.Pace pace(Path rows, String objective, Object... more) {
    Map<String, Object> values = values(more);
    values.putAll(Map.of("model", TinyRun.TIED, "data", rows.toString(), "objective", objective));
    values.putAll(Map.of("batch_size", 4, "lanes", 1, "probe", true));
    return Objects.requireNonNull(of(values).pace());
  }

  private static String base(Path adapter) {
    return JSON.readTree(adapter.resolve("adapter_config.json").toFile())
        .get("base_model_name_or_path")
        .asString();
  }

  @Test
  void whatIsNoAdapterOfTheModelIsRefused() {
    assertThatThrownBy(() -> plan("init_adapter", temp.resolve("none")))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(
            temp.resolve("none") + " does not exist; an adapter is the folder of a run");
    Path other = Path.of("src/test/resources/golden/peft/layers/adapter");
    assertThatThrownBy(() -> plan("init_adapter", other))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("adapter " + other + ": it is of another model: ");
  }

  private static Outlook plan(Object... keysAndValues) {
    return of(values(keysAndValues));
  }

  private static Outlook of(Map<String, Object> values) {
    return Forecast.of(PlanSettings.of(values), MACHINE, Backend.plain(Dtype.BF16), FIXED);
  }

  private static Map<String, Object> values(Object... keysAndValues) {
    Map<String, Object> values = new HashMap<>(Map.of("model", "7B", "probe", false));
    for (int i = 0; i < keysAndValues.length; i += 2) {
      values.put((String) keysAndValues[i], keysAndValues[i + 1]);
    }
    return values;
  }
}
