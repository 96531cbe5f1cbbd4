package dev.nudge.model.rope;

import dev.nudge.format.ConfigJson;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Reads the RoPE settings of a config as transformers 5.24 reads them.
///
/// Configs have two layouts, which may be mixed; on conflict the order is that of transformers. A
/// family with one RoPE for all layers:
///
/// - rotary settings: `rope_scaling` (layout 4) if present and not empty, else `rope_parameters`
///   (layout 5); in it `rope_type` before `type`, neither is `default`;
/// - `rope_theta`: the one in that object, else the one beside it, else the family's;
/// - `original_max_position_embeddings`: the one beside, else the one in the object, else
///   `max_position_embeddings`.
///
/// A family with a second RoPE in sliding-window layers has an object by kind in `rope_parameters`:
///
/// - full-attention layers: `full_attention`, overridden by `rope_scaling` key by key;
/// - sliding-window layers: `sliding_attention`, whatever `rope_scaling` says;
/// - an absent object is `default`; an absent `rope_theta` is the top-level one for full-attention
///   layers, the family's for the others; a top-level `original_max_position_embeddings` is
///   ignored.
///
/// Refuses settings that transformers misreads: objects by kind of layer in a family with one RoPE;
/// in a family with two, one object for all layers, and `rope_scaling` with `truncate` or with
/// `type` but no `rope_type`.
public final class RopeReader {
  private static final String ORIGINAL = "original_max_position_embeddings";
  private static final String PARTIAL = "partial_rotary_factor";
  private static final String FULL = "full_attention";
  private static final String SLIDING = "sliding_attention";
  private static final List<String> TYPES =
      List.of("default", "linear", "dynamic", "llama3", "yarn", "longrope");

  private final ConfigJson c;
  private final int positions;
  private final double theta;

  public RopeReader(ConfigJson c, int positions, double theta) {
    this.c = c;
    this.positions = positions;
    this.theta = theta;
  }

  /// The RoPE of all layers, over whole heads.
  public RopeParameters whole() {
    ConfigJson rope = outer();
    if (rope != null) {
      refusePartial(rope);
    }
    return alike();
  }

  /// The RoPE of all layers, over a part of each head ([#width]).
  public RopeParameters alike() {
    ConfigJson rope = outer();
    return rope == null
        ? new RopeParameters.Default(c.positive("rope_theta", theta))
        : read(rope, theta(rope), c.present(ORIGINAL) ? c : rope);
  }

  /// The RoPE of full-attention layers, in a family with two RoPEs.
  ///
  /// @param absent default of `rope_theta`
  public RopeParameters full(double absent) {
    return ofKind(ofFull(), () -> c.positive("rope_theta", absent));
  }

  /// The RoPE of sliding-window layers, in a family with two RoPEs.
  ///
  /// @param absent default of `rope_theta`
  public RopeParameters sliding(DoubleSupplier absent) {
    ConfigJson kinds = kinds();
    return ofKind(kinds == null ? null : kinds.object(SLIDING), absent);
  }

  /// The rotated dimensions of a head (`partial_rotary_factor`).
  ///
  /// @param absent default of the factor
  public int width(int headDim, double absent) {
    ConfigJson rope = outer();
    double share =
        rope != null && rope.present(PARTIAL)
            ? rope.number(PARTIAL, 1.0)
            : c.number(PARTIAL, absent);
    if (!(share > 0 && share <= 1)) {
      throw c.refuse(PARTIAL + " is " + share + "; above 0 to 1 is allowed");
    }
    int width = (int) (headDim * share);
    if (width < 2 || width % 2 != 0) {
      throw c.refuse(PARTIAL + " gives " + width + " dimensions; an even number is needed");
    }
    return width;
  }

  /// The RoPE of a family with plain RoPE and `longrope`, which older files name otherwise.
  ///
  /// @param width rotated dimensions
  public RopeParameters longOrPlain(int width, int originalAbsent) {
    ConfigJson rope = outer();
    if (rope == null) {
      return new RopeParameters.Default(c.positive("rope_theta", theta));
    }
    String type = type(rope);
    rope.supported("rope_type", type, List.of("default", "longrope", "su", "yarn"));
    return type.equals("default")
        ? new RopeParameters.Default(theta(rope))
        : longrope(
            rope, theta(rope), width, original(c.present(ORIGINAL) ? c : rope, originalAbsent));
  }

  /// The RoPE of a family in which `alpha` of `dynamic` stretches the base at every length (NTK).
  public RopeParameters stretched(int headDim) {
    ConfigJson rope = outer();
    if (rope == null || !type(rope).equals("dynamic") || optional(rope, "alpha") == 0) {
      return whole();
    }
    refusePartial(rope);
    double power = headDim / (headDim - 2.0);
    return new RopeParameters.Default(theta(rope) * Math.pow(rope.positive("alpha", null), power));
  }

  private static boolean byKind(ConfigJson rope) {
    return rope.present(FULL) || rope.present(SLIDING);
  }

  /// The object of the RoPE of all layers: `rope_scaling`, else `rope_parameters`; null: absent.
  public @Nullable ConfigJson outer() {
    ConfigJson scaling = c.object("rope_scaling");
    ConfigJson rope = scaling == null || scaling.isEmpty() ? c.object("rope_parameters") : scaling;
    if (rope != null && byKind(rope)) {
      throw rope.refuse(
          (rope.present(FULL) ? FULL : SLIDING)
              + " is given; all layers of this family turn alike, so its keys stand one level up");
    }
    return rope;
  }

  /// The objects by kind of layer; other keys beside them are ignored.
  private @Nullable ConfigJson kinds() {
    ConfigJson all = c.object("rope_parameters");
    if (all != null && !all.isEmpty() && !byKind(all)) {
      throw c.refuse(
          "rope_parameters has neither full_attention nor sliding_attention; this family needs"
              + " an object for each");
    }
    return all;
  }

  private @Nullable ConfigJson ofFull() {
    ConfigJson kinds = kinds();
    ConfigJson own = kinds == null ? null : kinds.object(FULL);
    ConfigJson scaling = c.object("rope_scaling");
    if (scaling == null) {
      return own;
    }
    if (byKind(scaling)) {
      throw c.refuse(
          "rope_scaling has an object for a kind of layer; it belongs into rope_parameters");
    }
    if (kinds != null && own == null) {
      throw c.refuse(
          "rope_scaling is given beside a rope_parameters without full_attention; put it there");
    }
    ConfigJson all = own == null ? scaling : scaling.over(own);
    String read = own == null ? scaling.text("rope_type", "default") : type(all);
    if (scaling.present("type") && !read.equals(type(scaling))) {
      throw scaling.refuse(
          "type is "
              + ConfigJson.quote(type(scaling))
              + ", but transformers takes rope_type "
              + ConfigJson.quote(read)
              + " in this family; call the key rope_type");
    }
    return all;
  }

  private RopeParameters ofKind(@Nullable ConfigJson own, DoubleSupplier absent) {
    if (own == null) {
      return new RopeParameters.Default(absent.getAsDouble());
    }
    double base =
        own.present("rope_theta") ? own.positive("rope_theta", null) : absent.getAsDouble();
    refusePartial(own);
    RopeParameters rope = read(own, base, own);
    ConfigJson kinds = kinds();
    if (rope instanceof RopeParameters.Yarn yarn
        && !(yarn.truncate() && (kinds == null || kinds.flag("truncate", true)))) {
      throw c.refuse("truncate of yarn is false; only true is supported in this family");
    }
    return rope;
  }

  private static String type(ConfigJson rope) {
    return rope.text("rope_type", rope.text("type", "default"));
  }

  private double theta(ConfigJson rope) {
    return rope.present("rope_theta")
        ? rope.positive("rope_theta", null)
        : c.positive("rope_theta", theta);
  }

  private static int original(ConfigJson where, int absent) {
    return where.whole(ORIGINAL, absent, Integer.MAX_VALUE);
  }

  /// Refuses partial RoPE, which such families read only with scaled RoPE.
  private void refusePartial(ConfigJson rope) {
    ConfigJson part = rope.present(PARTIAL) ? rope : c;
    if (!type(rope).equals("default") && part.has(PARTIAL) && part.number(PARTIAL, 1.0) != 1) {
      throw part.refuse(PARTIAL + " is " + part.number(PARTIAL, 1.0) + "; only 1 is supported");
    }
  }

  /// @param originals the object that has `original_max_position_embeddings`
  private RopeParameters read(ConfigJson rope, double base, ConfigJson originals) {
    String type = type(rope);
    rope.supported("rope_type", type, TYPES);
    return switch (type) {
      case "default" -> new RopeParameters.Default(base);
      case "linear" -> new RopeParameters.Linear(base, rope.positive("factor", null));
      case "dynamic" -> new RopeParameters.Dynamic(base, rope.positive("factor", null), positions);
      case "llama3" -> llama3(rope, base, original(originals, positions));
      case "yarn" -> yarn(rope, base, original(originals, positions));
      default -> longrope(rope, base, -1, original(originals, positions));
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

  /// @param width rotated dimensions; −1: not checked here
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

  /// Checks the lengths of the factor lists against the rotated dimensions.
  public void check(@Nullable Turning turning) {
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
