package dev.nudge.eval.run;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.Seeds;
import dev.nudge.format.Json;
import dev.nudge.machine.Machine;
import dev.nudge.model.KlDivergence;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.tensor.Ledger;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// How far adapters are from their base, beside transformers and PEFT in float64 (`divergence.py`).
class FromBaseTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path MODEL = Goldens.MODEL;
  private static final JsonNode CASES = Json.read(GOLDEN.resolve("divergence.json"));
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");
  private static final String KEY = "kl_from_base,none";
  private static final String TASK =
      """
      task: prose
      dataset_path: json
      dataset_kwargs: {data_files: {test: prose.jsonl}}
      test_split: test
      output_type: loglikelihood_rolling
      doc_to_text: ""
      doc_to_target: text
      metric_list: [{metric: bits_per_byte}, {metric: kl_from_base}]
      """;

  private final long before = Ledger.bytes();

  @TempDir Path folder;

  @BeforeEach
  void write() throws IOException {
    StringBuilder rows = new StringBuilder();
    CASES.forEach(one -> rows.append(Json.line(Map.of("text", one.path("text")))).append('\n'));
    Files.writeString(folder.resolve("prose.jsonl"), rows);
    Files.writeString(folder.resolve("prose.yaml"), TASK);
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  private static Path adapter(String name) {
    return Goldens.FOLDER.resolve("peft").resolve(name).resolve("adapter");
  }

  private Outcome run(Map<String, Object> more) {
    return run(more, new Evaluation.Watcher() {});
  }

  private Outcome run(Map<String, Object> more, Evaluation.Watcher watcher) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("model", MODEL);
    values.put("compute", "fp32");
    values.put("tasks", List.of("prose"));
    values.put("tasks_dir", folder.toString());
    values.put("out", folder.resolve("out"));
    values.putAll(more);
    return Evaluation.of(EvaluateSettings.of(values), MACHINE, 1000, watcher);
  }

  private static TaskScores.Score score(ModelResults model) {
    return requireNonNull(requireNonNull(model.tasks().get("prose")).scores().get(KEY));
  }

  @Test
  void eachDocumentHasTheDivergenceOfFloat64() {
    Outcome outcome =
        run(Map.of("adapter", adapter("all-linear"), "compare", adapter("patterns-rslora")));
    List<String> names = List.of("all-linear", "patterns-rslora");
    for (int m = 0; m < 2; m++) {
      TaskScores.Score score = score(outcome.models().get(m + 1));
      double sum = 0;
      long tokens = 0;
      for (int i = 0; i < CASES.size(); i++) {
        JsonNode golden = CASES.get(i).path("found").path(names.get(m));
        MetricItem.Weighted found = (MetricItem.Weighted) score.items().get(i);
        assertThat(found.weight()).isEqualTo(golden.get(1).longValue());
        assertThat(found.logprob())
            .as("text " + i)
            .isCloseTo(golden.get(0).doubleValue(), within(1e-5 * (1 + found.weight()))); // fp32
        sum += golden.get(0).doubleValue();
        tokens += golden.get(1).longValue();
      }
      assertThat(score.value()).isCloseTo(sum / tokens, within(1e-5));
      assertThat(score.metric().higherIsBetter()).isFalse();
    }
    assertThat(score(outcome.models().getFirst()).value()).isZero();
    Difference first =
        requireNonNull(requireNonNull(outcome.differences().get("adapter")).get("prose")).get(1);
    assertThat(first.key()).isEqualTo(KEY);
    assertThat(first.value()).isPositive();
    assertThat(first.low()).isNaN(); // nine texts are too few
    JsonNode written = Json.read(folder.resolve("out/results.json"));
    assertThat(written.path("results").path("prose").path(KEY).doubleValue())
        .isEqualTo(score(outcome.main()).value());
  }

  @Test
  void anAdapterOfZerosIsNowhereFromItsBase() throws IOException {
    Path zeros = Files.createDirectories(folder.resolve("zeros"));
    Path from = adapter("all-linear");
    Files.copy(from.resolve("adapter_config.json"), zeros.resolve("adapter_config.json"));
    byte[] weights = Files.readAllBytes(from.resolve("adapter_model.safetensors"));
    int data = Long.BYTES + (int) ByteBuffer.wrap(weights).order(ByteOrder.LITTLE_ENDIAN).getLong();
    java.util.Arrays.fill(weights, data, weights.length, (byte) 0);
    Files.write(zeros.resolve("adapter_model.safetensors"), weights);
    assertThat(score(run(Map.of("adapter", zeros)).main()).value()).isZero();
  }

  @Test
  void whatIsKnownIsNotAskedAgain() {
    Map<String, Object> with = Map.of("adapter", adapter("all-linear"));
    IllegalStateException stop = new IllegalStateException("stop");
    long[] seen = {0};
    Evaluation.Watcher stops =
        new Evaluation.Watcher() {
          @Override
          public void progress(long tokens, long all, String task, String model) {
            assertThat(tokens).isLessThanOrEqualTo(all);
            if (model.equals("adapter") && ++seen[0] == 13 + 3) { // behind 13 windows
              throw stop;
            }
          }
        };
    assertThatThrownBy(() -> run(with, stops)).isSameAs(stop);
    Outcome rest = run(with);
    assertThat(rest.requests()).isEqualTo(3L * CASES.size());
    assertThat(rest.asked()).isPositive().isLessThan(CASES.size());
    Outcome again = run(with);
    assertThat(again.asked()).isZero();
    assertThat(again.summary()).isEqualTo(rest.summary());
    Outcome fresh = run(Map.of("adapter", adapter("all-linear"), "out", folder.resolve("fresh")));
    assertThat(fresh.summary()).isEqualTo(rest.summary());
  }

  /// Of what is asked in turn: texts that are scored, how far they are from the base, answers.
  @ParameterizedTest
  @ValueSource(ints = {1, 15, 28})
  void anInterruptLosesNothingThatWasTold(int after) throws IOException {
    Files.writeString(
        folder.resolve("say.yaml"),
        TASK.replace("task: prose", "task: say")
                .replace("loglikelihood_rolling", "generate_until")
                .replace("doc_to_text: \"\"", "doc_to_text: \"so: {{text}}\"")
                .replaceAll("metric_list.*", "metric_list: [{metric: exact_match}]")
            + "generation_kwargs: {until: [], max_gen_toks: 4}\n");
    Map<String, Object> asked =
        Map.of("tasks", List.of("prose", "say"), "adapter", adapter("all-linear"));
    int[] seen = {0};
    Evaluation.Watcher interrupts =
        new Evaluation.Watcher() {
          @Override
          public void progress(long tokens, long all, String task, String model) {
            if (!model.equals("base") && ++seen[0] == after) {
              Thread.currentThread().interrupt();
            }
          }
        };
    try {
      assertThatThrownBy(() -> run(asked, interrupts))
          .isInstanceOf(RunException.class)
          .hasMessageStartingWith("interrupted: ");
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
    Outcome rest = run(asked);
    assertThat(rest.asked()).isPositive().isLessThan(rest.requests());
    Map<String, Object> fresh = new LinkedHashMap<>(asked);
    fresh.put("out", folder.resolve("fresh"));
    assertThat(rest.summary()).isEqualTo(run(fresh).summary());
  }

  @Test
  void aModelWithoutAnAdapterHasNoSuchNumber() throws IOException {
    assertThat(requireNonNull(run(Map.of()).main().tasks().get("prose")).scores())
        .containsOnlyKeys("bits_per_byte,none");
    Files.writeString(folder.resolve("prose.yaml"), TASK.replace("{metric: bits_per_byte}, ", ""));
    assertThatThrownBy(() -> run(Map.of()))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith(
            "prose.yaml: kl_from_base is of an adapter beside its base, and it is the task's only"
                + " metric; give --adapter");
  }

  @Test
  void anAdapterOnADomainAloneIsToldOfRetention() throws IOException {
    Files.writeString(folder.resolve("legal.yaml"), "group: legal\ntask: [prose]\n");
    List<String> notes = new java.util.ArrayList<>();
    Evaluation.Watcher told =
        new Evaluation.Watcher() {
          @Override
          public void note(String line) {
            notes.add(line);
          }
        };
    Map<String, Object> asked =
        Map.of("tasks", List.of("legal"), "adapter", adapter("all-linear"), "limit", 1);
    run(asked, told);
    assertThat(notes)
        .containsExactly("forgetting is not measured; --tasks legal,retention measures it");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 320})
  void theKernelIsTheDefinition(int size) {
    Random random = new Random(Seeds.next());
    double[] x = random.doubles(size, -9, 9).toArray();
    double[] y = random.doubles(size, -9, 9).toArray();
    double sumX = 0;
    double sumY = 0;
    for (int i = 0; i < size; i++) {
      sumX += Math.exp(x[i]);
      sumY += Math.exp(y[i]);
    }
    double divergence = 0;
    for (int i = 0; i < size; i++) {
      double p = Math.exp(x[i]) / sumX;
      divergence += p * Math.log(p / (Math.exp(y[i]) / sumY));
    }
    assertThat(KlDivergence.of(x, y)).isCloseTo(divergence, within(1e-12));
    assertThat(KlDivergence.of(x, x.clone())).isZero();
    double[] wider = java.util.Arrays.copyOf(y, size + 1); // a token of its own
    wider[size] = Double.NEGATIVE_INFINITY;
    assertThat(KlDivergence.of(x, wider)).isCloseTo(divergence, within(1e-12));
  }
}
