package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.Examples;
import dev.nudge.format.Json;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.LinearWrapper;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Recompute;
import dev.nudge.plan.Plan;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// The use of experts as a run tells it, against the routers' logits counted one by one.
class ExpertUseTest {
  private static final int[] LENGTHS = {21, 5, 1, 33, 2};

  @TempDir private Path temp;

  /// A router that remembers what it gave.
  private record Heard(Linear base, List<double[]> logits) implements LinearWrapper {
    @Override
    public void forward(Tensor x, Tensor y, Pass p) {
      base.forward(x, y, p);
      for (int r = 0; r < y.rows() && !p.ws().dry(); r++) {
        int row = r;
        logits.add(IntStream.range(0, y.cols()).mapToDouble(c -> y.get(row, c)).toArray());
      }
    }

    @Override
    public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
      return base.backward(dy, dx, add, p);
    }

    @Override
    public void parameters(Consumer<Parameter> each) {
      base.parameters(each);
    }
  }

  @Test
  void aStepCountsWhatTheRoutersChoose() throws IOException {
    Path folder = TinyRun.experts(temp.resolve("model"));
    Random random = Seeds.random();
    List<Example> rows = new ArrayList<>();
    for (int n : LENGTHS) {
      rows.add(Examples.of(random.ints(n, 3, 300).toArray(), Math.max(1, n / 3)));
    }
    long[][] direct = new long[3][0];
    long[][] counted = step(folder, rows, 1, 62, Recompute.NONE, direct);
    assertThat(counted).isDeepEqualTo(direct);
    assertThat(Arrays.stream(counted[0]).sum()).isEqualTo(2L * IntStream.of(LENGTHS).sum());
    for (Recompute level : List.of(Recompute.GATE_UP, Recompute.EVERYTHING)) {
      assertThat(step(folder, rows, 1, 33, level, null)).as("%s", level).isDeepEqualTo(direct);
    }
    assertThat(step(folder, rows, 2, 33, Recompute.NONE, null)).isDeepEqualTo(direct);
  }

  /// @param direct receives the counts of the routers' logits; null: nobody listens
  private static long[][] step(
      Path folder,
      List<Example> rows,
      int lanes,
      int microBatch,
      Recompute level,
      long @Nullable [][] direct) {
    Backend backend = Backends.of(Compute.FP32);
    try (Scope scope = Scope.open("adapter");
        CausalLm model = Checkpoint.load(folder, ModelConfig.load(folder), backend)) {
      List<List<double[]>> heard = new ArrayList<>();
      for (LinearSlot slot : model.slots()) {
        if (direct != null && slot.path().endsWith("mlp.gate")) {
          heard.add(new ArrayList<>());
          slot.set(new Heard(slot.linear(), heard.getLast()));
        }
      }
      Lora lora = Lora.of(2, 4, Targets.parse("q_proj,gate_proj,up_proj,down_proj"));
      List<Parameter> parameters =
          Adapters.attach(model.modules(), lora, 1, Dtype.F32, lanes, scope).parameters();
      model.reserve(64);
      model.recompute(Collections.nCopies(3, level));
      long bytes = model.measured().trainBytes(microBatch, 33);
      Plan plan = Plan.uncounted("test", lanes, 1, microBatch, 33, bytes);
      TrainSettings settings = TinyRun.settings(folder, Path.of("rows"), Path.of("out"));
      try (Trainer trainer =
          new Trainer(model, parameters, rows, plan, settings.optimizer(), 0, Path.of(""))) {
        trainer.step(0, new int[] {1}, 1e-3); // the counts are of one step
        heard.forEach(List::clear);
        int[] all = IntStream.range(0, rows.size()).toArray();
        ExpertUse use = Objects.requireNonNull(trainer.step(1, all, 1e-3).experts());
        if (direct != null) {
          direct[0] = count(heard.get(0));
          direct[2] = count(heard.get(1));
        }
        JsonNode layers = Json.tree(use.values()).path("tokens");
        return IntStream.range(0, 3)
            .mapToObj(i -> layers.get(i).valueStream().mapToLong(JsonNode::asLong).toArray())
            .toArray(long[][]::new);
      }
    }
  }

  private static long[] count(List<double[]> logits) {
    long[] counts = new long[logits.getFirst().length];
    for (double[] row : logits) {
      IntStream.range(0, row.length)
          .boxed()
          .sorted(Comparator.comparingDouble(e -> -row[e]))
          .limit(2)
          .forEach(e -> counts[e]++);
    }
    return counts;
  }

  @Test
  void theFiguresAreThoseOfTheLeastEvenLayer() {
    ExpertUse use = new ExpertUse(2, new long[][] {{4, 4, 4, 4}, {}, {8, 0, 6, 2}}, null);
    assertThat(use.figures())
        .containsEntry(ExpertUse.IDLE, 1.0)
        .containsEntry(ExpertUse.LARGEST, 1.0)
        .hasEntrySatisfying(
            ExpertUse.EFFECTIVE, // 1/(½^½ · ⅜^⅜ · ⅛^⅛)
            v -> assertThat(v).isCloseTo(2.6494, within(1e-4)));
    assertThat(use.lines())
        .containsExactly(
            "layer 0: 4 experts, as uneven as 4.0; the largest got 50.0 % of the tokens, none is"
                + " dead",
            "layer 2: 4 experts, as uneven as 2.6; the largest got 100.0 % of the tokens, 1 is"
                + " dead: 1");
    ExpertUse again = Objects.requireNonNull(ExpertUse.of(Json.tree(use.values())));
    ExpertUse both = use.plus(again, 2.5);
    assertThat(both.lines())
        .contains("load-balancing loss 2.5000 in the last step; even is 2")
        .anyMatch(line -> line.startsWith("layer 2: 4 experts, as uneven as 2.6"));
    assertThat(Json.tree(both.values()).path("tokens").get(2).get(0).asLong()).isEqualTo(16);
    assertThat(ExpertUse.of(Json.tree(Map.of()))).isNull();
  }

  private static List<Integer> told(RouterCheck check, long tokens, double... effective) {
    List<Integer> steps = new ArrayList<>();
    for (int i = 0; i < effective.length; i++) {
      if (!check.take(i + 1, tokens, Map.of(ExpertUse.EFFECTIVE, effective[i])).isEmpty()) {
        steps.add(i + 1);
      }
    }
    return steps;
  }

  @Test
  void aRouterThatCollapsesIsToldOnce() {
    double[] steady = {30, 28, 33, 31, 30, 29, 25, 27, 31, 30, 22, 20};
    double[] falls = {30, 28, 33, 31, 30, 20, 10, 10, 10, 9, 9, 9};
    double[] fallen = {8.9, 9, 8.8, 9.1, 9, 9, 9};
    assertThat(told(new RouterCheck(64, 8, 50), 100, steady)).isEmpty();
    assertThat(told(new RouterCheck(64, 8, 50), 100, falls)).containsExactly(10);
    assertThat(told(new RouterCheck(64, 8, 50), 100, fallen)).containsExactly(5);
    assertThat(told(new RouterCheck(64, 8, 50), 31, fallen)).isEmpty(); // too few to tell
    assertThat(new RouterCheck(0, 0, 50).take(1, 100, Map.of())).isEmpty();
  }

  /// A norm of zeros before a router makes its logits equal: every token goes to the first two.
  @Test
  void aRunTellsItAndKeepsTheCounts() throws IOException {
    Path model = TinyRun.experts(temp.resolve("model"));
    zero(model.resolve("model.safetensors"), "model.layers.2.post_attention_layernorm.weight");
    Path rows = TinyRun.rows(temp.resolve("rows"), 12, 60, 3);
    Path out = temp.resolve("out");
    TrainSettings settings =
        TinyRun.settings(model, rows, out, "batch_size 4 steps 6 router_aux_loss_coef 0.01");
    List<String> warnings = new ArrayList<>();
    Training.run(
        Training.prepare(settings, TinyRun.MACHINE),
        event -> {
          if (event instanceof TrainEvent.Warning w) {
            warnings.add(w.line());
          }
        },
        () -> false);
    assertThat(warnings)
        .containsOnlyOnce(
            "the router of a layer collapses at step 5: its tokens go to experts as uneven as 2.0"
                + " of 5 (2.0 at first); raise --router-aux-loss-coef, lower --learning-rate, or"
                + " leave gate out of --targets (nudge runs show has each layer)");
    JsonNode run = TinyRun.record(out);
    JsonNode experts = run.path("experts");
    long tokens = run.path("totals").path("tokens").asLong();
    assertThat(experts.path("tokens").get(2).toString())
        .isEqualTo("[%d,%d,0,0,0]".formatted(tokens, tokens));
    long first = experts.path("tokens").get(0).valueStream().mapToLong(JsonNode::asLong).sum();
    assertThat(first).isEqualTo(2 * tokens);
    JsonNode last = TinyRun.metrics(out, "loss").getLast();
    assertThat(last.path("experts_idle").asDouble()).isGreaterThanOrEqualTo(3);
    assertThat(last.path("experts_effective").asDouble()).isCloseTo(2, within(1e-9));
    assertThat(last.path("expert_share").asDouble()).isEqualTo(1);
    assertThat(experts.path("aux_loss").asDouble()).isEqualTo(last.path("aux_loss").asDouble());
  }

  private static void zero(Path file, String name) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    int header = (int) bytes.getLong(0);
    JsonNode place =
        Json.parse(new String(bytes.array(), 8, header, StandardCharsets.UTF_8))
            .get(name)
            .get("data_offsets");
    Arrays.fill(
        bytes.array(),
        8 + header + place.get(0).asInt(),
        8 + header + place.get(1).asInt(),
        (byte) 0);
    Files.write(file, bytes.array());
  }
}
