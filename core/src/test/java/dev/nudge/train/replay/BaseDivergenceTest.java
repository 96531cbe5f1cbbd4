package dev.nudge.train.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Seeds;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.data.Batches;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.Examples;
import dev.nudge.machine.Backend;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.model.KlDivergence;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/// Holds the divergence from the base on replayed rows to its definition, and its gradient to
/// finite differences, in double; rows lie in two lanes and several rounds.
class BaseDivergenceTest {
  private static final double WEIGHT = 0.7;

  @Test
  void aStepHasTheGradientOfTheMeanDivergence() {
    long seed = Seeds.next();
    Random random = new Random(seed);
    List<Example> rows =
        List.of(row(random, 7, 3), row(random, 4, 1), row(random, 6, 2), row(random, 5, 1));
    try (CausalLm model =
            TinyLlama.of(TinyLlama.config(2, true, false), Backend.plain(Dtype.F64), seed);
        Scope scope = Scope.open("adapter");
        Lanes lanes = new Lanes(2)) {
      model.reserve(16);
      Adapters adapters =
          Adapters.attach(
              model.modules(),
              Lora.of(3, 5, Targets.parse("/.*(proj|lm_head)/")),
              seed,
              Dtype.F64,
              2,
              scope);
      for (Parameter p : adapters.parameters()) {
        for (long i = 0; i < p.elements(); i++) {
          p.master().put(i, 0.3 * random.nextGaussian());
        }
      }
      Consumer<Runnable> bare =
          work -> {
            adapters.detach();
            work.run();
            adapters.reattach();
          };
      long bytes = model.measured().towardsBytes(8, 7);
      try (Workspace first = new Workspace(0, bytes, Gemm.plain());
          Workspace second = new Workspace(1, bytes, Gemm.plain());
          Workspace more = new Workspace(0, 1 << 22, Gemm.plain())) {
        Replay replay = new Replay(rows, 7, Batches.of(4, 4, 0, false), WEIGHT);
        BaseDivergence divergence =
            new BaseDivergence(replay, model, lanes, List.of(first, second), 7, bare);
        double mean = divergence.add(0);
        double[][][] base = new double[rows.size()][][];
        bare.accept(
            () -> {
              for (int i = 0; i < base.length; i++) {
                base[i] = logits(model, rows.get(i), more);
              }
            });
        assertThat(mean).isCloseTo(defined(model, rows, base, more), within(1e-11));
        for (Parameter p : adapters.parameters()) {
          long at = random.nextLong(p.elements());
          double x = p.master().at(at);
          p.master().put(at, x + 1e-5);
          double above = defined(model, rows, base, more);
          p.master().put(at, x - 1e-5);
          double below = defined(model, rows, base, more);
          p.master().put(at, x);
          assertThat(p.gradient(0).at(at) + p.gradient(1).at(at))
              .as("%s[%d], seed %d", p.name(), at, seed)
              .isCloseTo(WEIGHT * (above - below) / 2e-5, within(1e-6));
        }
      }
    }
  }

  private static Example row(Random random, int length, int trained) {
    return Examples.of(random.ints(length, 0, 37).toArray(), trained);
  }

  /// The mean over all places but the last of each row, prompts included.
  private static double defined(
      CausalLm model, List<Example> rows, double[][][] base, Workspace ws) {
    double sum = 0;
    int places = 0;
    for (int i = 0; i < base.length; i++) {
      double[][] own = logits(model, rows.get(i), ws);
      for (int place = 0; place + 1 < own.length; place++) {
        sum += KlDivergence.of(base[i][place], own[place]);
        places++;
      }
    }
    return sum / places;
  }

  private static double[][] logits(CausalLm model, Example row, Workspace ws) {
    int[] ids = row.ids();
    Batch batch = new Batch(ids, new int[] {ids.length}, new long[1], new int[0], new int[0]);
    Tensor logits = model.logits(batch, ws);
    double[][] copy = new double[logits.rows()][logits.cols()];
    for (int r = 0; r < copy.length; r++) {
      for (int c = 0; c < copy[r].length; c++) {
        copy[r][c] = logits.get(r, c);
      }
    }
    return copy;
  }
}
