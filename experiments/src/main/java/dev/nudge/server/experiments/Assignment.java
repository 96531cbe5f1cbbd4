package dev.nudge.server.experiments;

import dev.nudge.format.Sha256;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// Deterministic assignment of units to arms by hashing, from only the definition and the stage:
/// equal on every server and after every restart, without stored state.
///
/// The key of a unit is the first 8 bytes of SHA-256(salt : experiment : unit); its bucket is that
/// number, unsigned, mod 10,000. Arms have ranges of buckets: in an A/B test by weight, in order;
/// in a canary the second arm has the buckets from 0 to the stage's percentage, so a later stage
/// only adds buckets and no unit leaves the second arm.
final class Assignment {
  static final int BUCKETS = 10_000;
  static final int PER_CENT = BUCKETS / 100;

  private Assignment() {}

  /// Returns the key of a unit, its pseudonym in the log.
  static long key(String salt, String experiment, String unit) {
    Sha256 sha = new Sha256();
    byte[] text = (salt + ":" + experiment + ":" + unit).getBytes(StandardCharsets.UTF_8);
    sha.update(MemorySegment.ofArray(text));
    return Long.parseUnsignedLong(sha.hex().substring(0, 16), 16);
  }

  /// Returns the bucket of a key.
  static int bucket(long key) {
    return (int) Long.remainderUnsigned(key, BUCKETS);
  }

  /// Returns the index of the arm of a bucket.
  ///
  /// @param stage index of the canary stage
  static int arm(Definition definition, int stage, int bucket) {
    return switch (definition.mode()) {
      case AB -> weighted(definition.arms(), bucket);
      case CANARY -> bucket < definition.ramp().get(stage) * PER_CENT ? 1 : 0;
      case SHADOW -> 0;
    };
  }

  /// Whether the shadow arm also answers.
  static boolean shadowed(Definition definition, int bucket) {
    return definition.mode() == Mode.SHADOW
        && bucket < definition.arms().get(1).weight() * PER_CENT;
  }

  /// Returns the arms' weights in a stage, with any sum; equal in a shadow.
  static double[] weights(Definition definition, int stage) {
    return switch (definition.mode()) {
      case AB -> definition.arms().stream().mapToDouble(Arm::weight).toArray();
      case CANARY -> {
        int second = definition.ramp().get(stage);
        yield new double[] {100 - second, second};
      }
      case SHADOW -> new double[] {1, 1};
    };
  }

  private static int weighted(List<Arm> arms, int bucket) {
    long total = arms.stream().mapToLong(Arm::weight).sum();
    long below = 0;
    for (int i = 0; i < arms.size(); i++) {
      below += arms.get(i).weight();
      if (bucket * total < below * BUCKETS) {
        return i;
      }
    }
    return arms.size() - 1;
  }
}
