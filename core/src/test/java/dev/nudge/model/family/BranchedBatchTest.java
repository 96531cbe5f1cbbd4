package dev.nudge.model.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.Examples;
import dev.nudge.engine.Batcher;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.GoldenFamilies;
import dev.nudge.model.Quantization;
import dev.nudge.model.Trainable;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Recompute;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Sequences that branch off one another have the scores, the loss and the gradients of whole ones,
/// and stay within the memory that dry runs measured.
class BranchedBatchTest {
  private static final int LONGEST = 150;

  static Stream<Path> models() throws IOException {
    return GoldenFamilies.mechanisms().stream()
        .filter(folder -> !ModelConfig.load(folder).turnsAnew(1, LONGEST))
        .filter(folder -> !ModelConfig.load(folder).recurrent()); // the planner branches none
  }

  @ParameterizedTest
  @MethodSource("models")
  void lossAndGradientsAreThoseOfWholeSequences(Path folder) {
    long seed = Seeds.next();
    Random random = new Random(seed);
    ModelConfig config = ModelConfig.load(folder);
    List<Example> examples = new ArrayList<>();
    group(examples, 3, 70 + random.nextInt(20), 60, config, random);
    group(examples, 1, 9, 20, config, random);
    group(examples, 2, 1, LONGEST - 1, config, random);
    List<Integer> places = IntStream.range(0, examples.size()).boxed().toList();
    int[] rows = places.stream().mapToInt(Integer::intValue).toArray();
    double[] each = random.doubles(rows.length, -1, 1).toArray();
    Batcher.Factors factors = new Batcher.Factors(each, null);
    Batch whole = Batcher.counted(places, rows, examples, factors);
    Batch branched = Batcher.counted(places, rows, examples, factors, true);
    assertThat(branched.tokens()).isLessThan(whole.tokens());
    try (Scope scope = Scope.open("parameters");
        CausalLm model =
            Checkpoint.load(
                folder,
                config,
                Backends.of(Compute.FP32),
                Quantization.NONE,
                Trainable.all(1, scope))) {
      model.reserve(LONGEST);
      double[] scores = scores(model, whole, model.measured().scoreBytes(whole.tokens(), LONGEST));
      long bytes = model.measured().scoreBranchedBytes(branched.tokens(), LONGEST);
      double[] found = scores(model, branched, bytes);
      for (int i = 0; i < scores.length; i++) {
        assertThat(found[i]).as("score %d, seed %d", i, seed).isCloseTo(scores[i], within(1e-4));
      }
      double loss = train(model, whole, model.measured().trainBytes(whole.tokens(), LONGEST));
      List<double[]> gradients = taken(model);
      model.recompute(Collections.nCopies(model.layers(), Recompute.values()[random.nextInt(3)]));
      bytes = model.measured().branchedParts(branched.tokens(), LONGEST).peak();
      assertThat(train(model, branched, bytes))
          .isCloseTo(loss, within(1e-4 * Math.max(1, Math.abs(loss))));
      List<double[]> again = taken(model);
      for (int p = 0; p < again.size(); p++) {
        assertThat(distance(again.get(p), gradients.get(p)))
            .as("%s, seed %d", model.parameters().get(p).name(), seed)
            .isLessThan(1e-4 * (norm(gradients.get(p)) + 1e-3));
      }
    }
  }

  static Stream<Arguments> shapes() {
    return Stream.of(
        Arguments.of(0, 60),
        Arguments.of(0, 150),
        Arguments.of(0, 3000),
        Arguments.of(20, 150),
        Arguments.of(2500, 4200));
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void noBatchTakesMoreThanDryRunsMeasured(int window, int longest) {
    long seed = Seeds.next();
    Random random = new Random(seed);
    ModelConfig config =
        TinyLlama.with(TinyLlama.config(2, true, false), layer -> layer.withWindow(window));
    Trainable trainable = Trainable.all(1, Scope.measuring());
    try (CausalLm model =
        Checkpoint.dry(config, Backends.of(Compute.FP32).dry(), Quantization.NONE, trainable)) {
      int tokens = longest + random.nextInt(2 * longest);
      long training =
          model
              .measured()
              .trainParts(tokens, longest)
              .or(model.measured().branchedParts(tokens, longest))
              .peak();
      long scoring =
          Math.max(
              model.measured().scoreBytes(tokens, longest),
              model.measured().scoreBranchedBytes(tokens, longest));
      for (int i = 0; i < 60; i++) {
        int prompt = 1 + random.nextInt(longest - 1);
        int left = tokens - prompt;
        List<Integer> lengths = new ArrayList<>();
        while (left > 0 && lengths.size() < 5) {
          int own = 1 + random.nextInt(Math.min(left, longest - prompt));
          lengths.add(lengths.isEmpty() ? prompt + own : own);
          left -= own;
        }
        int[] own = lengths.stream().mapToInt(Integer::intValue).toArray();
        int[] pasts = new int[own.length];
        Arrays.fill(pasts, 1, own.length, prompt);
        int rows = Arrays.stream(own).sum();
        int labelled = rows - prompt;
        Batch batch =
            new Batch(
                new int[rows],
                own,
                new long[own.length],
                new int[labelled],
                new int[labelled],
                new double[labelled],
                pasts);
        String which = "prompt %d, %s of %d, seed %d".formatted(prompt, lengths, tokens, seed);
        assertThat(peak(ws -> model.train(batch, 1, Dropout.of(1, 1), ws)))
            .as(which)
            .isLessThanOrEqualTo(training);
        double[] scores = new double[labelled];
        assertThat(peak(ws -> model.score(batch, scores, new int[labelled], ws)))
            .as(which)
            .isLessThanOrEqualTo(scoring);
      }
    }
  }

  private static long peak(Consumer<Workspace> pass) {
    try (Workspace ws = Workspace.measuring()) {
      pass.accept(ws);
      return ws.peak();
    }
  }

  /// Adds sequences that have a prompt in common.
  private static void group(
      List<Example> to, int count, int prompt, int most, ModelConfig config, Random random) {
    int[] shared = random.ints(prompt, 0, config.vocabSize()).toArray();
    for (int i = 0; i < count; i++) {
      int length = prompt + (i == 0 ? 1 + random.nextInt(most) : most);
      int[] ids = Arrays.copyOf(shared, length);
      for (int place = prompt; place < length; place++) {
        ids[place] = random.nextInt(config.vocabSize());
      }
      to.add(Examples.of(ids, prompt));
    }
  }

  private static double[] scores(CausalLm model, Batch batch, long bytes) {
    double[] scores = new double[batch.rows().length];
    try (Workspace ws = new Workspace(0, bytes, model.backend().gemms().apply(1))) {
      model.score(batch, scores, null, ws);
    }
    return scores;
  }

  private static double train(CausalLm model, Batch batch, long bytes) {
    try (Workspace ws = new Workspace(0, bytes, model.backend().gemms().apply(1))) {
      return model.train(batch, 0.1, Dropout.NONE, ws);
    }
  }

  /// The gradients, which are cleared.
  private static List<double[]> taken(CausalLm model) {
    List<double[]> all = new ArrayList<>();
    for (Parameter p : model.parameters()) {
      double[] own = new double[(int) p.elements()];
      Arrays.setAll(own, i -> p.gradient(0).at(i));
      p.gradient(0).zero();
      all.add(own);
    }
    return all;
  }

  private static double distance(double[] a, double[] b) {
    return norm(IntStream.range(0, a.length).mapToDouble(i -> a[i] - b[i]).toArray());
  }

  private static double norm(double[] x) {
    return Math.sqrt(Arrays.stream(x).map(v -> v * v).sum());
  }
}
