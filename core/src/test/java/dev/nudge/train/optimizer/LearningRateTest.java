package dev.nudge.train.optimizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.settings.train.Schedule;
import dev.nudge.settings.train.Warmup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Compares each rate of each schedule, its warm-up from zero, with transformers'
/// (`src/test/reference/schedules.py`).
class LearningRateTest {
  @Test
  void ratesEqualTransformers() throws IOException {
    JsonNode cases =
        new ObjectMapper()
            .readTree(Files.readString(Path.of("src/test/resources/golden/schedules.json")))
            .get("cases");
    Set<Schedule> seen = EnumSet.noneOf(Schedule.class);
    for (JsonNode c : cases) {
      Schedule schedule = Schedule.valueOf(c.get("schedule").asString().toUpperCase(Locale.ROOT));
      seen.add(schedule);
      int steps = c.get("steps").asInt();
      double peak = c.get("learning_rate").asDouble();
      int warmup = new Warmup(c.get("warmup").asDouble()).steps(steps);
      String name = schedule + " " + steps + " steps, warm-up " + c.get("warmup");
      assertThat(warmup).as(name).isEqualTo(c.get("warmup_steps").asInt());
      LearningRate rate = new LearningRate(schedule, peak, warmup, true, steps);
      assertThat(c.get("rates").size()).isEqualTo(steps);
      for (int i = 0; i < steps; i++) {
        assertThat(rate.at(i))
            .as("%s, step %d", name, i)
            .isCloseTo(c.get("rates").get(i).asDouble(), within(1e-14 * peak));
      }
    }
    assertThat(seen).containsExactlyInAnyOrder(Schedule.values());
  }

  @Test
  void theWarmUpBeginsAtItsFirstPartAndNoStepTrainsNothing() {
    for (Schedule schedule : Schedule.values()) {
      LearningRate rate = new LearningRate(schedule, 1, 4, false, 20);
      LearningRate theirs = new LearningRate(schedule, 1, 4, true, 20);
      for (int i = 0; i < 4; i++) {
        assertThat(rate.at(i)).isEqualTo((i + 1) / 4.0);
        assertThat(theirs.at(i)).isEqualTo(i / 4.0);
      }
      for (int i = 4; i < 20; i++) {
        assertThat(rate.at(i)).as("%s %d", schedule, i).isEqualTo(theirs.at(i)).isPositive();
      }
    }
    assertThat(new LearningRate(Schedule.LINEAR, 1, 1, false, 1).at(0)).isEqualTo(1);
  }
}
