package dev.nudge.server.experiments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AssignmentTest {

  /// `int(sha256(f"s1:tone:{unit}").hexdigest()[:16], 16) % 10000` of Python.
  @ParameterizedTest
  @CsvSource({
    "ada, 2850a3a3fc4c8f4d, 2509",
    "user-42, 652f50dff46f18e1, 3025",
    "Zoë, 429bd152d43a3b49, 4969"
  })
  void theKeyIsTheBeginningOfTheDigest(String unit, String key, int bucket) {
    long ours = Assignment.key("s1", "tone", unit);
    assertThat(Long.toHexString(ours)).isEqualTo(key.replaceFirst("^0+", ""));
    assertThat(Assignment.bucket(ours)).isEqualTo(bucket);
  }

  @Test
  void armsHaveTheirWeights() {
    Definition definition =
        Some.definition(
            "{'name': 'x', 'arms': [{'adapter': 'a', 'weight': 7}, {'adapter': 'b', 'weight': 2},"
                + " {'adapter': 'c', 'weight': 1}]}");
    int[] counts = new int[3];
    for (int bucket = 0; bucket < Assignment.BUCKETS; bucket++) {
      counts[Assignment.arm(definition, 0, bucket)]++;
    }
    assertThat(counts).containsExactly(7000, 2000, 1000);
    int[] units = new int[3];
    for (int i = 0; i < 50_000; i++) {
      long key = Assignment.key(definition.salt(), "x", "user" + i);
      units[Assignment.arm(definition, 0, Assignment.bucket(key))]++;
    }
    assertThat(units[0]).isCloseTo(35_000, withinPercentage(2)); // 5 standard errors: 1.5 %
    assertThat(units[2]).isCloseTo(5_000, withinPercentage(7));
  }

  @Test
  void weightsThatDoNotDivideLeaveNoBucketOut() {
    Definition definition =
        Some.definition(
            "{'name': 'x', 'arms': [{'adapter': 'a', 'weight': 1}, {'adapter': 'b', 'weight': 1},"
                + " {'adapter': 'c', 'weight': 1}]}");
    int[] counts = new int[3];
    for (int bucket = 0; bucket < Assignment.BUCKETS; bucket++) {
      counts[Assignment.arm(definition, 0, bucket)]++;
    }
    assertThat(counts).containsExactly(3334, 3333, 3333);
  }

  /// Any ramp, any salt: who has the second arm keeps it, and each stage has its percentage.
  @Test
  void aRampOnlyAddsUnitsToTheSecondArm() {
    SplittableRandom random = new SplittableRandom(17);
    for (int round = 0; round < 200; round++) {
      TreeSet<Integer> percentages = new TreeSet<>();
      int stages = random.nextInt(1, 9);
      while (percentages.size() < stages) {
        percentages.add(random.nextInt(1, 101));
      }
      Definition definition = canary(List.copyOf(percentages));
      String salt = Long.toHexString(random.nextLong());
      for (int i = 0; i < 50; i++) {
        int bucket = Assignment.bucket(Assignment.key(salt, "x", "user" + i));
        int before = 0;
        for (int stage = 0; stage < stages; stage++) {
          int arm = Assignment.arm(definition, stage, bucket);
          assertThat(arm).isGreaterThanOrEqualTo(before);
          before = arm;
        }
      }
      for (int stage = 0; stage < stages; stage++) {
        int second = 0;
        for (int bucket = 0; bucket < Assignment.BUCKETS; bucket++) {
          second += Assignment.arm(definition, stage, bucket);
        }
        assertThat(second).isEqualTo(definition.ramp().get(stage) * Assignment.PER_CENT);
      }
    }
  }

  private static Definition canary(List<Integer> ramp) {
    return Some.definition(
        "{'name': 'x', 'mode': 'canary', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}], 'ramp': "
            + ramp
            + "}");
  }

  @Test
  void anotherSaltDividesOtherwise() {
    int alike = 0;
    for (int i = 0; i < 1000; i++) {
      boolean one = Assignment.bucket(Assignment.key("s1", "x", "user" + i)) < 5000;
      boolean other = Assignment.bucket(Assignment.key("s2", "x", "user" + i)) < 5000;
      alike += one == other ? 1 : 0;
    }
    assertThat(alike).isBetween(420, 580); // 5 standard errors: 79
  }

  @Test
  void theFirstOfTheNamesOfAUnitCounts() {
    assertThat(Unit.of("h", "u", "s", "k", "c").value()).isEqualTo("h");
    assertThat(Unit.of(" ", "u", "s", "k", "c").value()).isEqualTo("u");
    assertThat(Unit.of(null, null, "s", "k", "c").value()).isEqualTo("s");
    assertThat(Unit.of(null, null, null, "k", "c").value()).isEqualTo("k\nc");
    assertThat(Unit.of(null, null, null, "k", null)).isEqualTo(Unit.NONE);
    assertThat(Unit.of(null, "", null, null, "c")).isEqualTo(Unit.NONE);
  }
}
