package dev.nudge.plan;

import dev.nudge.adapter.AdaptedLinear;
import dev.nudge.adapter.LowRankLinear;
import dev.nudge.model.CausalLm;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.settings.train.Optimizer;
import dev.nudge.settings.train.OptimizerSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Explains what a run's settings mean for its model: rank, targets, batch size, in numbers.
///
/// Targets and batch sizes follow "LoRA without regret" (Schulman and Thinking Machines, 2025) and
/// QLoRA [1]: all linear layers beat attention alone at equal size.
///
/// [1] Dettmers et al., arXiv:2305.14314.
public final class Advice {
  private static final int LARGE_BATCH = 32;
  private static final double GB = 1e9;

  private Advice() {}

  /// Advice on an adapter, one line each.
  ///
  /// @param model without weights, adapters attached
  /// @param trained number of trainable parameters
  public static List<String> lines(CausalLm model, long trained, int batchSize) {
    List<String> lines = new ArrayList<>();
    LinearSlot matrix = matrix(model);
    if (matrix.linear() instanceof LowRankLinear lora) { // else only the ends have A and B
      lines.add(matrix(matrix, lora.lora().rank()));
      lines.add(full(model.config().parameters(), trained));
      long low = lowRank(model);
      lines.add(rank(low, lora.lora().rank()));
      if (trained > low) {
        lines.add(
            String.format(
                Locale.ROOT,
                "modules that are trained whole, new tokens, and A and B on the ends: %,d numbers,"
                    + " %s in the file",
                trained - low,
                gigabytes(4 * (trained - low))));
      }
    } else {
      lines.add(full(model.config().parameters(), trained));
    }
    boolean vectors =
        matrix.linear() instanceof AdaptedLinear && !(matrix.linear() instanceof LowRankLinear);
    if (!vectors && adapted(model) < model.slots().size()) {
      lines.add(
          adapted(model)
              + " of "
              + model.slots().size()
              + " linear layers are adapted; --targets all-linear learns better at the same number"
              + " of parameters");
    }
    if (batchSize > LARGE_BATCH) {
      lines.add(
          "--batch-size "
              + batchSize
              + ": LoRA loses more than full fine-tuning with large batches; 32 or fewer is safer");
    }
    return lines;
  }

  /// Advice on full fine-tuning, one line each.
  ///
  /// @param trained number of trainable parameters
  public static List<String> ofFull(long trained, OptimizerSettings optimizer) {
    List<String> lines = new ArrayList<>();
    if (optimizer.optimizer() == Optimizer.ADAMW) {
      lines.add(
          String.format(
              Locale.ROOT,
              "--optimizer adamw-8bit keeps AdamW's moments in %s instead of %s",
              gigabytes(2 * trained),
              gigabytes(8 * trained)));
    }
    lines.add(
        "--method lora keeps masters, gradients and moments of an adapter of some percent of the"
            + " numbers; on small data it learns as well");
    return lines;
  }

  /// The largest square weight with an adapter, else the largest weight with one.
  private static LinearSlot matrix(CausalLm model) {
    LinearSlot chosen = model.slots().getFirst();
    for (LinearSlot slot : model.slots()) {
      if (trains(slot) && (!trains(chosen) || size(slot.linear()) > size(chosen.linear()))) {
        chosen = slot;
      }
    }
    for (LinearSlot slot : model.slots()) {
      if (trains(slot) && slot.linear().in() == slot.linear().out()) {
        return slot;
      }
    }
    return chosen;
  }

  /// Sums the layers' LoRA parameters.
  private static long lowRank(CausalLm model) {
    long sum = 0;
    for (LinearSlot slot : model.slots()) {
      if (slot.linear() instanceof LowRankLinear lora) {
        sum += lora.lora().a().elements() + lora.lora().b().elements();
      }
    }
    return sum;
  }

  private static String matrix(LinearSlot chosen, int rank) {
    long in = chosen.linear().in();
    long out = chosen.linear().out();
    return String.format(
        Locale.ROOT,
        "%s is %d × %d = %,d numbers; rank %d trains %d × (%d + %d) = %,d, %.2f %% of the matrix",
        chosen.path().substring(chosen.path().lastIndexOf('.') + 1),
        out,
        in,
        in * out,
        rank,
        rank,
        in,
        out,
        rank * (in + out),
        100.0 * rank * (in + out) / (in * out));
  }

  private static String full(long parameters, long trained) {
    return String.format(
        Locale.ROOT,
        "full fine-tuning in fp32 wants %s for the weights alone and %s with gradients and AdamW's"
            + " moments; the adapter trains %.2f %% of them in %s",
        gigabytes(4 * parameters),
        gigabytes(16 * parameters),
        100.0 * trained / parameters,
        gigabytes(16 * trained));
  }

  private static String rank(long trained, int rank) {
    long each = trained / rank;
    return String.format(
        Locale.ROOT,
        "a rank buys %,d parameters, about %s of what the adapter can learn at 2 bits each; %s at"
            + " rank %d. Twice the rank is twice the adapter's memory, and hardly time",
        each,
        gigabytes(each / 4),
        gigabytes(trained / 4),
        rank);
  }

  private static int adapted(CausalLm model) {
    return (int) model.slots().stream().filter(Advice::trains).count();
  }

  private static boolean trains(LinearSlot slot) {
    return slot.linear() instanceof AdaptedLinear;
  }

  private static long size(Linear linear) {
    return (long) linear.in() * linear.out();
  }

  /// Formats bytes in decimal units.
  private static String gigabytes(long bytes) {
    return bytes >= GB
        ? String.format(Locale.ROOT, bytes >= 10 * GB ? "%.0f GB" : "%.1f GB", bytes / GB)
        : String.format(Locale.ROOT, "%.1f MB", bytes / 1e6);
  }
}
