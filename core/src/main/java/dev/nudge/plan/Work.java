package dev.nudge.plan;

import dev.nudge.model.CausalLm;
import dev.nudge.model.ModelConfig;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Recompute;
import java.util.List;

/// Counts the floating-point operations of a step's passes, a multiply-add as 2.
///
///     layers  L·(4·P·N + 7·q·Σ T²) − 2·d·(q + 2·kv)·N + 6·N·R + 2·N·W      head  4·V·d·n, or 6
///
/// N tokens of which n are labelled, in sequences of T; P weights of a layer, d width, q and kv
/// widths of queries and keys, R numbers of the adapter, W those of the layers' own matrices that
/// train, V vocabulary. 2·P·N are forward, as much for the gradient of the input, which q, k and v
/// of the lowest layer need not give where the layers are frozen; a trained weight has a gradient
/// of its own. Attention is 2 products forward and 5 backward of 2·T²·q each, half of it behind the
/// mask. What a level computes again comes on top.
///
/// @param config of the model
/// @param adapter R
/// @param layers W
/// @param head whether the output head trains
public record Work(ModelConfig config, long adapter, long layers, boolean head) {
  /// Counts what trains of a model: an adapter, or its own tensors.
  ///
  /// @param model may be without weights
  public static Work of(CausalLm model) {
    long[] adapter = new long[1];
    long layers = 0;
    for (LinearSlot slot : model.slots()) {
      Parameter weight = slot.linear().trainedWeight();
      layers += weight == null ? 0 : weight.elements();
      slot.linear().parameters(p -> adapter[0] += p != weight && p.decay() ? p.elements() : 0);
    }
    boolean head = model.head().linear().trainedWeight() != null;
    return new Work(model.config(), adapter[0], layers, head);
  }

  /// Operations of the layers for one micro-batch.
  ///
  /// @param levels what each layer computes again; empty: nothing
  /// @param lengths tokens of each sequence
  public double layers(List<Recompute> levels, int... lengths) {
    double n = tokens(lengths);
    double squares = squares(lengths);
    double d = config.hiddenSize();
    double q = config.attentionSize();
    double kv = config.keyValueSize();
    double qkv = 2 * d * (q + 2 * kv) * n;
    double gateUp = 4 * d * config.intermediateSize() * n;
    double again = 0;
    for (Recompute level : levels) {
      again +=
          switch (level) {
            case NONE -> 0;
            case GATE_UP -> gateUp;
            case ALL_BUT_ATTENTION -> gateUp + qkv + 2 * d * q * n;
            case EVERYTHING, OFFLOADED -> gateUp + qkv + 2 * d * q * n + 2 * q * squares;
          };
    }
    double weights = 2 * d * q + 2 * d * kv + 3 * d * config.intermediateSize();
    return config.numHiddenLayers() * (4 * weights * n + 7 * q * squares)
        - (layers == 0 ? qkv : 0)
        + 6.0 * adapter * n
        + 2.0 * layers * n
        + again;
  }

  /// Operations of the output head for some labelled tokens.
  public double head(double labelled) {
    return (head ? 6.0 : 4.0) * config.vocabSize() * config.hiddenSize() * labelled;
  }

  private static double tokens(int[] lengths) {
    double sum = 0;
    for (int t : lengths) {
      sum += t;
    }
    return sum;
  }

  private static double squares(int[] lengths) {
    double sum = 0;
    for (int t : lengths) {
      sum += (double) t * t;
    }
    return sum;
  }
}
