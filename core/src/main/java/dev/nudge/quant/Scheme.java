package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A config's settings for a layer's codes. Tools use different keys for the same setting.
///
/// @param bits of a code; 0: unset
/// @param group columns that share a scale; [#ALL]: all of a row; 0: unset
/// @param symmetric whether all zeros are the middle code; null: unset
record Scheme(int bits, int group, @Nullable Boolean symmetric) {
  /// One group a row.
  static final int ALL = -1;

  static final Scheme UNKNOWN = new Scheme(0, 0, null);

  private static final int MOST_GROUP = 1 << 22;

  /// Parses config `q`.
  static Scheme of(ConfigJson q) {
    Boolean symmetric = null;
    for (String key : new String[] {"sym", "symmetric"}) {
      symmetric = q.has(key) ? Boolean.valueOf(q.flag(key, true)) : symmetric;
    }
    if (q.has("zero_point")) { // AWQ's key: true if asymmetric; it overrides any `sym`
      symmetric = !q.flag("zero_point", true);
    }
    return new Scheme(bits(q), group(q), symmetric);
  }

  private static int bits(ConfigJson q) {
    for (String key : new String[] {"bits", "w_bit", "wbits", "num_bits"}) {
      if (q.has(key)) {
        return q.whole(key, 0, 64);
      }
    }
    return 0;
  }

  private static int group(ConfigJson q) {
    for (String key : new String[] {"group_size", "q_group_size", "groupsize"}) {
      if (!q.present(key)) {
        continue;
      }
      JsonNode node = q.node(key);
      if (node.isNull() || node.isString() && node.stringValue().equals("in")) {
        return ALL;
      }
      if (!node.isInt() || node.intValue() != ALL && !in(node.intValue(), 1, MOST_GROUP)) {
        throw q.refuse(
            key
                + " is "
                + ConfigJson.show(node)
                + "; a whole number from 1, or -1 for one group a row, is needed");
      }
      return node.intValue();
    }
    return 0;
  }

  private static boolean in(int value, int least, int most) {
    return value >= least && value <= most;
  }

  /// Returns this scheme with its unset fields from `below`.
  Scheme over(Scheme below) {
    return new Scheme(
        bits == 0 ? below.bits : bits,
        group == 0 ? below.group : group,
        symmetric == null ? below.symmetric : symmetric);
  }
}
