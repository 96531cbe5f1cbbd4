package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Hold the maps to those of bitsandbytes 0.50.2 (`golden/dynamic-maps.json`), and codes to an
/// argmin over all values in double, where a difference of two of these floats is exact.
class DynamicMapTest {
  private static final int TRIALS = 200_000;

  @Test
  void valuesAreThoseOfBitsandbytes() throws IOException {
    Path file = Path.of("src/test/resources/golden/dynamic-maps.json");
    JsonNode golden = new ObjectMapper().readTree(Files.readString(file));
    same(DynamicMap.SIGNED, golden.get("signed"));
    same(DynamicMap.UNSIGNED, golden.get("unsigned"));
  }

  private static void same(DynamicMap map, JsonNode golden) {
    assertThat(golden.size()).isEqualTo(DynamicMap.CODES);
    for (int code = 0; code < DynamicMap.CODES; code++) {
      assertThat(map.value(code)).isEqualTo((float) golden.get(code).asDouble());
    }
  }

  @Test
  void everyValueHasItsOwnCode() {
    for (DynamicMap map : new DynamicMap[] {DynamicMap.SIGNED, DynamicMap.UNSIGNED}) {
      for (int code = 0; code < DynamicMap.CODES; code++) {
        assertThat(map.code(map.value(code))).isEqualTo(code);
      }
    }
  }

  @Test
  void theCodeIsTheNearestAndOfTwoTheLowerOneButUnsignedNotZero() {
    long seed = Seeds.next();
    Random random = new Random(seed);
    for (DynamicMap map : new DynamicMap[] {DynamicMap.SIGNED, DynamicMap.UNSIGNED}) {
      for (int code = 0; code < DynamicMap.CODES - 1; code++) {
        float middle = (float) (((double) map.value(code) + map.value(code + 1)) / 2);
        nearest(map, Math.nextDown(middle));
        nearest(map, middle);
        nearest(map, Math.nextUp(middle));
      }
      for (float y : new float[] {0f, -0f, 1f, -1f, Float.MIN_VALUE, -Float.MIN_VALUE}) {
        nearest(map, y);
      }
      for (int i = 0; i < TRIALS; i++) {
        nearest(map, 2 * random.nextFloat() - 1);
        float small = (float) Math.pow(10, -9 * random.nextDouble());
        nearest(map, random.nextBoolean() ? small : -small);
      }
    }
  }

  /// Above 0 the unsigned map's 0 is left out.
  private static void nearest(DynamicMap map, float y) {
    int best = 0;
    double least = Double.POSITIVE_INFINITY;
    for (int code = map == DynamicMap.UNSIGNED && y > 0 ? 1 : 0; code < DynamicMap.CODES; code++) {
      double distance = Math.abs((double) y - map.value(code));
      if (distance < least) {
        least = distance;
        best = code;
      }
    }
    if (map.code(y) != best) {
      throw new AssertionError(y + " has code " + map.code(y) + ", nearest is " + best);
    }
  }
}
