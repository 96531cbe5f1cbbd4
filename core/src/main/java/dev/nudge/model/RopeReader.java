package dev.nudge.model;

import dev.nudge.format.ConfigJson;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Reads the rotary settings of a config as transformers 5.24 reads them.
///
/// Two layouts are in the field and may be mixed; where both say something, the order is that of
/// transformers:
///
/// - rotary settings: `rope_scaling` (layout 4) if it is there and not empty, else
///   `rope_parameters` (layout 5); in it `rope_type` before `type`, neither is `default`;
/// - `rope_theta`: the one in that object, else the one beside it, else the family's;
/// - `original_max_position_embeddings`: the one beside, else the one in the object, else
///   `max_position_embeddings`;
/// - families whose layers alternate have an object for each kind of layer in `rope_parameters`.
final class RopeReader {
  private static final String ORIGINAL = "original_max_position_embeddings";
  private static final String PARTIAL = "partial_rotary_factor";
  private static final List<String> TYPES =
      List.of("default", "linear", "dynamic", "llama3", "yarn", "longrope");

  private final ConfigJson c;
  private final int positions;
  private final double theta;

  RopeReader(ConfigJson c, int positions, double theta) {
    this.c = c;
    this.positions = positions;
    this.theta = theta;
  }

  /// The one for all layers, whose heads turn as a whole.
  RopeParameters whole() {
    return whole(outer());
  }

  private RopeParameters whole(@Nullable ConfigJson rope) {
    if (rope != null && !type(rope).equals("default") && rope.number(PARTIAL, 1.0) != 1) {
      throw rope.refuse(PARTIAL + " is " + rope.number(PARTIAL, 1.0) + "; only 1 is supported");
    }
    return read(rope, theta, TYPES, positions);
  }

  /// The one for a kind of layer: of its own object, or in layout 4 the one for all.
  ///
  /// @param kind `full_attention` or `sliding_attention`
  /// @param base what an absent theta means
  RopeParameters of(String kind, double base) {
    ConfigJson scaling = c.object("rope_scaling");
    ConfigJson all = c.object("rope_parameters");
    if (all == null || (scaling != null && !scaling.isEmpty())) {
      return read(outer(), base, TYPES, positions);
    }
    ConfigJson own = all.object(kind);
    return own == null
        ? new RopeParameters.Default(base)
        : new RopeReader(c, positions, base).whole(own);
  }

  /// Whether there is an object for each kind of layer.
  boolean byKind() {
    ConfigJson all = c.object("rope_parameters");
    return all != null && (all.has("full_attention") || all.has("sliding_attention"));
  }

  /// The part of a head that turns.
  double share() {
    ConfigJson rope = outer();
    double share =
        rope != null && rope.present(PARTIAL) ? rope.number(PARTIAL, 1.0) : c.number(PARTIAL, 1.0);
    if (!(share > 0 && share <= 1)) {
      throw c.refuse(PARTIAL + " is " + share + "; above 0 to 1 is allowed");
    }
    return share;
  }

  /// The one of a family that knows plain turning and `longrope`, which older files call otherwise.
  ///
  /// @param width dimensions that turn
  RopeParameters longOrPlain(int width, int originalAbsent) {
    ConfigJson rope = outer();
    if (rope == null || type(rope).equals("default")) {
      return read(rope, theta, List.of("default"), positions);
    }
    ConfigReader.supported(
        rope, "rope_type", type(rope), List.of("default", "longrope", "su", "yarn"));
    return longrope(rope, theta(rope, theta), width, original(rope, originalAbsent));
  }

  private @Nullable ConfigJson outer() {
    ConfigJson scaling = c.object("rope_scaling");
    return scaling == null || scaling.isEmpty() ? c.object("rope_parameters") : scaling;
  }

  private static String type(ConfigJson rope) {
    return rope.text("rope_type", rope.text("type", "default"));
  }

  private double theta(ConfigJson rope, double base) {
    return rope.present("rope_theta")
        ? rope.positive("rope_theta", null)
        : c.positive("rope_theta", base);
  }

  private int original(ConfigJson rope, int absent) {
    return (c.present(ORIGINAL) ? c : rope).whole(ORIGINAL, absent, Integer.MAX_VALUE);
  }

  private RopeParameters read(
      @Nullable ConfigJson rope, double base, List<String> types, int context) {
    if (rope == null) {
      return new RopeParameters.Default(c.positive("rope_theta", base));
    }
    String type = type(rope);
    double theta = theta(rope, base);
    ConfigReader.supported(rope, "rope_type", type, types);
    return switch (type) {
      case "default" -> new RopeParameters.Default(theta);
      case "linear" -> new RopeParameters.Linear(theta, rope.positive("factor", null));
      case "dynamic" -> new RopeParameters.Dynamic(theta, rope.positive("factor", null), context);
      case "llama3" -> llama3(rope, theta, original(rope, context));
      case "yarn" -> yarn(rope, theta, original(rope, context));
      default -> longrope(rope, theta, -1, original(rope, context));
    };
  }

  private static RopeParameters llama3(ConfigJson rope, double theta, int original) {
    double low = rope.positive("low_freq_factor", null);
    double high = rope.positive("high_freq_factor", null);
    if (high <= low) {
      throw rope.refuse("high_freq_factor " + high + " is not above low_freq_factor " + low);
    }
    return new RopeParameters.Llama3(theta, rope.positive("factor", null), low, high, original);
  }

  private static RopeParameters yarn(ConfigJson rope, double theta, int original) {
    double factor = rope.positive("factor", null);
    double scale = optional(rope, "mscale");
    double all = optional(rope, "mscale_all_dim");
    double attention =
        rope.has("attention_factor")
            ? rope.positive("attention_factor", null)
            : scale != 0 && all != 0 ? grown(factor, scale) / grown(factor, all) : grown(factor, 1);
    double fast = optional(rope, "beta_fast");
    double slow = optional(rope, "beta_slow");
    return new RopeParameters.Yarn(
        theta,
        factor,
        attention,
        fast == 0 ? 32 : fast,
        slow == 0 ? 1 : slow,
        original,
        rope.flag("truncate", true));
  }

  private static double optional(ConfigJson rope, String key) {
    return rope.has(key) ? rope.number(key, null) : 0;
  }

  private static double grown(double factor, double scale) {
    return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
  }

  /// @param width dimensions that turn; −1: not checked here
  private RopeParameters longrope(ConfigJson rope, double theta, int width, int original) {
    double growth =
        rope.has("factor") ? rope.positive("factor", null) : (double) positions / original;
    double attention =
        rope.has("attention_factor")
            ? rope.positive("attention_factor", null)
            : growth <= 1 ? 1 : Math.sqrt(1 + Math.log(growth) / Math.log(original));
    return new RopeParameters.Longrope(
        theta,
        factors(rope, "short_factor", width),
        factors(rope, "long_factor", width),
        attention,
        original);
  }

  private static List<Double> factors(ConfigJson rope, String key, int width) {
    List<Double> factors = new ArrayList<>();
    for (JsonNode factor : rope.list(key, width < 0 ? -1 : width / 2)) {
      if (!factor.isNumber() || !(factor.doubleValue() > 0)) {
        throw rope.refuse(key + " has " + ConfigJson.show(factor) + "; numbers above 0 are needed");
      }
      factors.add(factor.doubleValue());
    }
    return factors;
  }

  /// Checks the lists of a rope against the dimensions that turn.
  void check(LayerConfig.@Nullable Turning turning) {
    if (turning != null
        && turning.rope() instanceof RopeParameters.Longrope r
        && (r.shortFactors().size() != turning.width() / 2
            || r.longFactors().size() != turning.width() / 2)) {
      throw c.refuse(
          "short_factor and long_factor have "
              + r.shortFactors().size()
              + " and "
              + r.longFactors().size()
              + " numbers; "
              + turning.width() / 2
              + " are needed, one for two dimensions of a head");
    }
  }
}
