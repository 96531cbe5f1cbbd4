package dev.nudge.train;

import dev.nudge.format.Json;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The tokens that each expert of each layer got in training.
///
/// With n_e an expert's tokens, and s_e = n_e / Σ n its share of a layer's choices, exp(−Σ s·ln s)
/// is the effective number of experts: E if all E experts of a layer have equal shares, k if each
/// token goes to the same k.
public final class ExpertUse {
  static final String IDLE = "experts_idle";
  static final String LARGEST = "expert_share";
  static final String EFFECTIVE = "experts_effective";
  private static final int NAMED = 8; // dead experts of a layer

  private final int chosen; // of each token
  private final long[][] tokens; // layer, expert; no experts: the layer is dense
  private final @Nullable Double auxLoss; // of the last step

  ExpertUse(int chosen, long[][] tokens, @Nullable Double auxLoss) {
    this.chosen = chosen;
    this.tokens = tokens;
    this.auxLoss = auxLoss;
  }

  /// The use in a `run.json` or a checkpoint; null if absent.
  public static @Nullable ExpertUse of(JsonNode values) {
    JsonNode layers = values.path("tokens");
    if (!layers.isArray()) {
      return null;
    }
    long[][] tokens = new long[layers.size()][];
    for (int i = 0; i < tokens.length; i++) {
      JsonNode layer = layers.get(i);
      tokens[i] = IntStream.range(0, layer.size()).mapToLong(e -> layer.get(e).asLong(0)).toArray();
    }
    JsonNode loss = values.path(Trainer.AUX_LOSS);
    Double known = loss.isNumber() ? (Double) loss.asDouble() : null;
    return new ExpertUse(values.path("chosen").asInt(1), tokens, known);
  }

  /// The use for a file.
  Map<String, @Nullable Object> values() {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("chosen", chosen);
    values.put(Trainer.AUX_LOSS, auxLoss);
    values.put("tokens", tokens);
    return values;
  }

  /// Adds the counts of all steps before.
  ///
  /// @param before null: none
  /// @param balance the step's load-balancing loss; null: not computed
  ExpertUse plus(@Nullable ExpertUse before, @Nullable Double balance) {
    long[][] sum = Arrays.stream(tokens).map(long[]::clone).toArray(long[][]::new);
    for (int layer = 0; layer < sum.length && before != null; layer++) {
      for (int e = 0; e < sum[layer].length; e++) {
        sum[layer][e] += before.tokens[layer][e];
      }
    }
    return new ExpertUse(chosen, sum, balance == null ? null : Json.finite(balance));
  }

  /// The figures of a step: experts of all layers without a token, the largest share of a layer's
  /// tokens that one expert got, and the least effective number of a layer's experts.
  Map<String, Double> figures() {
    double idle = 0;
    double largest = 0;
    double effective = Double.POSITIVE_INFINITY;
    for (long[] layer : tokens) {
      if (layer.length > 0) {
        idle += dead(layer).size();
        largest = Math.max(largest, share(layer));
        effective = Math.min(effective, effective(layer));
      }
    }
    Map<String, Double> figures = new LinkedHashMap<>();
    figures.put(LARGEST, largest);
    figures.put(IDLE, idle);
    figures.put(EFFECTIVE, effective);
    return figures;
  }

  private static List<Integer> dead(long[] layer) {
    return IntStream.range(0, layer.length).filter(e -> layer[e] == 0).boxed().toList();
  }

  /// The largest share of the layer's tokens.
  private double share(long[] layer) {
    long all = Arrays.stream(layer).sum();
    return all == 0 ? 0 : (double) chosen * Arrays.stream(layer).max().orElse(0) / all;
  }

  private static double effective(long[] layer) {
    double all = Arrays.stream(layer).sum();
    double entropy = 0;
    for (long n : layer) {
      entropy -= n == 0 ? 0 : n / all * Math.log(n / all);
    }
    return Math.exp(entropy);
  }

  /// Formats the use: a line per layer, and one of the loss.
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < tokens.length; i++) {
      long[] layer = tokens[i];
      if (layer.length > 0) {
        List<Integer> dead = dead(layer);
        lines.add(
            String.format(
                Locale.ROOT,
                "layer %d: %d experts, as uneven as %.1f; the largest got %.1f %% of the tokens,"
                    + " %s",
                i,
                layer.length,
                effective(layer),
                100 * share(layer),
                dead.isEmpty() ? "none is dead" : named(dead)));
      }
    }
    if (auxLoss != null) {
      lines.add(
          String.format(
              Locale.ROOT,
              "load-balancing loss %.4f in the last step; even is %d",
              auxLoss,
              chosen));
    }
    return lines;
  }

  private static String named(List<Integer> dead) {
    String some =
        String.join(", ", dead.stream().limit(NAMED).map(String::valueOf).toList())
            + (dead.size() > NAMED ? ", …" : "");
    return dead.size() + (dead.size() == 1 ? " is dead: " : " are dead: ") + some;
  }
}
