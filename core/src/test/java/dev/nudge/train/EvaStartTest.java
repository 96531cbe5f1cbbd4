package dev.nudge.train;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.ExactComponents;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.PeftFiles;
import dev.nudge.adapter.init.EvaRecorder;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.data.tokens.Example;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.WatchedLinear;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Holds how EVA begins against the exact components of what goes into each layer at the trained
/// tokens, recorded here row by row: which directions it takes, and which layers get how many.
///
/// Components that lie close may change places, so what counts is the variance along them, and that
/// no direction with clearly less of it has one's place.
class EvaStartTest {
  private static final int RANK = 3;
  private static final int ROWS = 24;
  private static final String TARGETS = "q_proj,v_proj,up_proj,down_proj";

  @TempDir private Path temp;

  /// Rows whose completions have few tokens, so that places beside them are others.
  private Path rows() throws IOException {
    Random random = new Random(3);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < ROWS; i++) {
      String prompt = "seal pump valve".substring(0, 4 + random.nextInt(11)) + ":";
      lines.add(TinyRun.row(prompt, " " + random.nextInt(10) + random.nextInt(10)));
    }
    return Files.write(temp.resolve("rows.jsonl"), lines);
  }

  @Test
  void directionsAreThoseOfTheInputsAtTrainedTokens() throws IOException {
    Prepared prepared =
        Training.prepare(
            TinyRun.settings(
                TinyRun.UNTIED,
                rows(),
                temp.resolve("out"),
                "init eva rank 3 compute fp32 lanes 1 batch_size " + ROWS,
                "targets",
                TARGETS),
            TinyRun.MACHINE);
    List<Example> examples = prepared.data().examples();
    int tokens = examples.stream().mapToInt(Example::length).sum();
    assertThat(prepared.plan().microBatchTokens())
        .as("all in a batch")
        .isGreaterThanOrEqualTo(tokens);
    try (CausalLm model =
        Checkpoint.load(TinyRun.UNTIED, prepared.config(), prepared.backend(), Quantization.NONE)) {
      model.reserve(prepared.plan().longest());
      Lora spec = Lora.of(RANK, 6, Targets.parse(TARGETS));
      Set<String> paths = new LinkedHashSet<>();
      ModelShape.of(model.modules()).adapted(spec).forEach(layer -> paths.add(layer.path()));
      assertThat(paths).hasSize(4 * model.layers());
      Map<String, Integer> ranks;
      Map<String, double[][]> found;
      try (EvaRecorder recorder = EvaStart.record(model, spec, paths, prepared)) {
        recorder.detach();
        ranks = recorder.ranks();
        found = directions(recorder, model, spec.ranked(ranks));
      }
      assertThat(ranks.keySet()).isEqualTo(paths);
      assertThat(ranks.values().stream().mapToInt(Integer::intValue).sum())
          .isEqualTo(RANK * paths.size());
      Map<String, List<double[]>> inputs = inputs(model, paths, examples, 0);
      compare(found, ranks, inputs);

      String first = "model.layers.0.self_attn.q_proj"; // would tell other tokens from these
      List<double[]> own = requireNonNull(inputs.get(first));
      List<double[]> before = requireNonNull(inputs(model, Set.of(first), examples, 1).get(first));
      int rank = requireNonNull(ranks.get(first));
      double[][] others = Arrays.copyOf(ExactComponents.of(before).vectors(), rank);
      assertThat(ExactComponents.along(others, own) / largest(own, rank)).isLessThan(0.97);
    }
  }

  private static double largest(List<double[]> rows, int rank) {
    return Arrays.stream(ExactComponents.of(rows).values()).limit(rank).sum();
  }

  private static void compare(
      Map<String, double[][]> found,
      Map<String, Integer> ranks,
      Map<String, List<double[]>> inputs) {
    double leastTaken = 1;
    double mostLeft = 0;
    for (Map.Entry<String, List<double[]>> input : inputs.entrySet()) {
      String path = input.getKey();
      int rank = requireNonNull(ranks.get(path));
      ExactComponents exact = ExactComponents.of(input.getValue());
      for (int i = 0; i < EvaRecorder.MORE * RANK; i++) {
        if (i < rank) {
          leastTaken = Math.min(leastTaken, exact.share(i));
        } else {
          mostLeft = Math.max(mostLeft, exact.share(i));
        }
      }
      if (rank > 0) {
        double[][] own = requireNonNull(found.get(path));
        assertThat(own.length).as("rank of %s", path).isEqualTo(rank);
        assertThat(ExactComponents.along(own, input.getValue()) / largest(input.getValue(), rank))
            .as("variance along A of %s", path)
            .isBetween(0.99, 1.001);
      }
    }
    assertThat(leastTaken).isGreaterThan(0.9 * mostLeft);
  }

  /// A of each layer.
  private static Map<String, double[][]> directions(
      EvaRecorder recorder, CausalLm model, Lora spec) {
    Map<String, double[][]> found = new LinkedHashMap<>();
    try (Scope scope = Scope.open("adapter")) {
      Adapters adapters = Adapters.attach(model.modules(), spec, 1, Dtype.F32, 1, scope);
      recorder.fill(adapters);
      Map<String, Tensor> masters = new LinkedHashMap<>();
      for (Parameter parameter : adapters.parameters()) {
        masters.put(parameter.name(), parameter.master());
      }
      for (String path : adapters.paths()) {
        Tensor a = requireNonNull(masters.get(PeftFiles.nameOfA(path)));
        double[][] rows = new double[a.rows()][];
        for (int r = 0; r < rows.length; r++) {
          rows[r] = row(a, r);
        }
        found.put(path, rows);
      }
      adapters.detach();
    }
    return found;
  }

  private static double[] row(Tensor x, int r) {
    double[] row = new double[x.cols()];
    for (int c = 0; c < row.length; c++) {
      row[c] = x.get(r, c);
    }
    return row;
  }

  /// What goes into layers at trained tokens, by a pass of each row alone.
  ///
  /// @param before how many tokens before them
  private static Map<String, List<double[]>> inputs(
      CausalLm model, Set<String> paths, List<Example> examples, int before) {
    Map<String, List<double[]>> all = new LinkedHashMap<>();
    Map<LinearSlot, Linear> bases = new LinkedHashMap<>();
    Example[] now = new Example[1];
    for (LinearSlot slot : model.slots()) {
      if (paths.contains(slot.path())) {
        List<double[]> rows = new ArrayList<>();
        all.put(slot.path(), rows);
        bases.put(slot, slot.linear());
        slot.set(
            new WatchedLinear(
                slot.linear(),
                x -> {
                  for (int i = 0; i < x.rows(); i++) {
                    if (now[0].trained(i)) {
                      rows.add(row(x, i - before));
                    }
                  }
                }));
      }
    }
    try (Workspace ws = new Workspace(0, 16 << 20, model.backend().gemms().apply(1))) {
      for (Example example : examples) {
        now[0] = example;
        int[] ids = example.ids();
        model.logits(
            new Batch(ids, new int[] {ids.length}, new long[1], new int[0], new int[0]), ws);
      }
    }
    bases.forEach(LinearSlot::set);
    return all;
  }
}
