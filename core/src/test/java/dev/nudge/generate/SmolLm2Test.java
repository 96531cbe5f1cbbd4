package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Backends;
import dev.nudge.engine.Caller;
import dev.nudge.engine.RowScore;
import dev.nudge.engine.Ticket;
import dev.nudge.machine.Machine;
import dev.nudge.model.Batch;
import dev.nudge.settings.Schema;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.settings.verb.ScoreSettings;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Compares SmolLM2-135M-Instruct in fp32 with transformers: `src/test/reference/smollm2.py`.
///
/// Needs the folder `shared` beside the repository or above it; skipped where it is not there.
class SmolLm2Test {
  private static final String MODEL = "shared/models/SmolLM2-135M-Instruct";
  private static final ObjectMapper JSON = new ObjectMapper();

  private static Path model;
  private static JsonNode expected;

  @BeforeAll
  static void find() throws IOException {
    List<Path> above =
        Stream.iterate(Path.of("").toAbsolutePath(), f -> f != null, Path::getParent).toList();
    Path found =
        above.stream()
            .map(f -> f.resolve(MODEL))
            .filter(f -> Files.exists(f.resolve("tokenizer.json")))
            .findFirst()
            .orElse(null);
    assumeTrue(found != null, "no ../" + MODEL + " beside the repository");
    model = found;
    expected =
        JSON.readTree(Files.readString(Path.of("src/test/resources/golden/smollm2/expected.json")));
  }

  @Test
  void scoresEqualTransformers(@TempDir Path folder) throws IOException {
    List<String> lines = new ArrayList<>();
    for (JsonNode row : expected.get("rows")) {
      lines.add(
          JSON.writeValueAsString(
              Map.of("prompt", row.get("prompt"), "completion", row.get("completion"))));
    }
    Path file = Files.write(folder.resolve("rows.jsonl"), lines);
    List<RowScore> rows = new ArrayList<>();
    Scoring.score(
        Schema.of(ScoreSettings.class)
            .of(
                Map.of(
                    "model", model.toString(),
                    "data", List.of(file.toString()),
                    "compute", "fp32")),
        machine(),
        rows::add,
        warning -> {});
    assertThat(rows).hasSize(expected.get("rows").size());
    double worst = 0;
    for (RowScore row : rows) {
      JsonNode want = expected.get("rows").get(row.index());
      assertThat(row.tokens()).isEqualTo(want.get("tokens").asInt());
      assertThat(row.logprob()).isCloseTo(want.get("logprob").asDouble(), within(1e-3));
      if (Math.abs(want.get("greedy_margin").asDouble()) > 1e-3) {
        assertThat(row.greedy()).isEqualTo(want.get("greedy").asBoolean());
      }
      worst = Math.max(worst, Math.abs(row.logprob() - want.get("logprob").asDouble()));
    }
    System.out.printf("SmolLM2: %d rows within %.1e of transformers%n", rows.size(), worst);
  }

  @Test
  void eachTokensLogProbabilityEqualsTransformers() {
    try (Session session = session()) {
      int longest = 0;
      for (JsonNode row : expected.get("rows")) {
        longest = Math.max(longest, row.get("ids").size());
      }
      session.model().reserve(longest);
      double worst = 0;
      try (Workspace ws =
          workspace(session, session.model().measured().scoreBytes(longest, longest))) {
        for (JsonNode row : expected.get("rows")) {
          int[] ids = ints(row.get("ids"));
          int first = row.get("first_trained").asInt();
          double[] want =
              row.get("logprobs").valueStream().mapToDouble(JsonNode::asDouble).toArray();
          double[] got = new double[want.length];
          Batch batch =
              new Batch(
                  ids,
                  new int[] {ids.length},
                  new long[1],
                  IntStream.range(first - 1, ids.length - 1).toArray(),
                  Arrays.copyOfRange(ids, first, ids.length));
          session.model().score(batch, got, null, ws);
          assertThat(got).as(row.get("prompt").asString()).containsExactly(want, within(1e-3));
          for (int i = 0; i < got.length; i++) {
            worst = Math.max(worst, Math.abs(got[i] - want[i]));
          }
        }
      }
      System.out.printf("SmolLM2: tokens within %.1e of transformers%n", worst);
    }
  }

  /// All prompts in one batch: the ids one by one, and the texts as `generate` gives them.
  @Test
  void greedyTokensEqualTransformers() {
    int most = expected.get("max_tokens").asInt();
    List<JsonNode> cases = expected.get("generate").valueStream().toList();
    assertThat(cases).hasSizeGreaterThanOrEqualTo(10);
    try (Session session = session()) {
      List<int[]> ids = greedy(session, cases, most);
      for (int i = 0; i < cases.size(); i++) {
        assertThat(ids.get(i))
            .as(cases.get(i).get("prompt").asString())
            .containsExactly(ints(cases.get(i).get("ids")));
      }
      GenerateSettings settings =
          Schema.of(GenerateSettings.class)
              .of(Map.of("model", model.toString(), "prompt", "none", "max_tokens", most));
      List<Completion> texts = new ArrayList<>();
      new Generation(session, settings.sampling())
          .complete(
              cases.stream().map(c -> c.get("prompt").asString()).toList(),
              (completion, i) -> texts.add(completion));
      for (int i = 0; i < cases.size(); i++) {
        int[] prompt = ints(cases.get(i).get("prompt_ids"));
        int[] all = Arrays.copyOf(prompt, prompt.length + ids.get(i).length);
        System.arraycopy(ids.get(i), 0, all, prompt.length, ids.get(i).length);
        String before = session.tokenizer().decode(prompt, true);
        Completion told = texts.get(i);
        assertThat(before + told.text()).isEqualTo(session.tokenizer().decode(all, true));
        assertThat(told.tokens()).isEqualTo(ids.get(i).length);
        assertThat(told.stop().name()).isEqualToIgnoringCase(cases.get(i).get("stop").asString());
      }
    }
  }

  private static List<int[]> greedy(Session session, List<JsonNode> cases, int most) {
    List<int[]> prompts =
        cases.stream().map(c -> session.encode(c.get("prompt").asString())).toList();
    List<int[]> all = new ArrayList<>();
    List<Ticket> tickets = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      int[] prompt = prompts.get(i);
      assertThat(prompt).containsExactly(ints(cases.get(i).get("prompt_ids")));
      int place = i;
      all.add(new int[0]);
      Caller caller =
          (logits, row, ids, count) -> {
            int id = argmax(logits, row);
            int[] said = Arrays.copyOfRange(ids, prompt.length, count + 1);
            said[count - prompt.length] = id;
            all.set(place, said);
            return id == expected.get("eos_id").asInt() ? Caller.END : id;
          };
      tickets.add(session.engine().submit(prompt, prompt.length + most, null, caller));
    }
    tickets.forEach(Ticket::await);
    return all;
  }

  private static int argmax(Tensor logits, int row) {
    int best = 0;
    for (int i = 1; i < logits.cols(); i++) {
      best = logits.get(row, i) > logits.get(row, best) ? i : best;
    }
    return best;
  }

  private static Session session() {
    GenerateSettings settings =
        Schema.of(GenerateSettings.class)
            .of(Map.of("model", model.toString(), "prompt", "none", "compute", "fp32"));
    return Session.load(settings.model(), null, machine(), warning -> {});
  }

  private static Workspace workspace(Session session, long bytes) {
    return new Workspace(0, bytes, session.backend().gemms().apply(machine().threads()));
  }

  private static Machine machine() {
    return new Machine(
        Runtime.getRuntime().availableProcessors(), 1L << 34, Backends.cache(), "test");
  }

  private static int[] ints(JsonNode node) {
    return node.valueStream().mapToInt(JsonNode::asInt).toArray();
  }
}
