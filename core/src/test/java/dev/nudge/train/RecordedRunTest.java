package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.settings.train.TrainSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// What the flight recorder sees of a run.
class RecordedRunTest {
  @TempDir private Path temp;

  @Test
  void stepsAndPhasesAreRecorded() throws IOException {
    Path rows = TinyRun.rows(temp.resolve("rows"), 8, 30, 1);
    Path out = temp.resolve("out");
    TrainSettings settings =
        TinyRun.settings(TinyRun.TIED, rows, out, "steps 4 compute fp32 threads 1")
            .withEvalData(rows.toString())
            .withEvalSteps(2)
            .withSaveSteps(3);
    Path file = temp.resolve("run.jfr");
    try (Recording recording = new Recording()) {
      recording.enable("dev.nudge.Step").withoutThreshold();
      recording.enable("dev.nudge.Phase").withoutThreshold();
      recording.start();
      TinyRun.run(settings);
      recording.stop();
      recording.dump(file);
    }
    List<RecordedEvent> events = RecordingFile.readAllEvents(file);
    List<RecordedEvent> steps = named(events, "dev.nudge.Step");
    List<JsonNode> lines = TinyRun.metrics(out, "loss");
    assertThat(steps).hasSize(4);
    for (int i = 0; i < 4; i++) {
      assertThat(steps.get(i).getInt("step")).isEqualTo(i + 1);
      assertThat(steps.get(i).getDouble("loss")).isEqualTo(lines.get(i).path("loss").doubleValue());
      assertThat(steps.get(i).getLong("tokens")).isEqualTo(lines.get(i).path("tokens").longValue());
      assertThat(steps.get(i).getDouble("seconds"))
          .isEqualTo(lines.get(i).path("seconds").doubleValue());
      assertThat(steps.get(i).getDuration()).isPositive();
      if (i > 0) { // one after the other, whatever the machine does beside them
        assertThat(steps.get(i).getStartTime()).isAfterOrEqualTo(steps.get(i - 1).getEndTime());
      }
    }
    assertThat(
            named(events, "dev.nudge.Phase").stream()
                .map(e -> e.getString("phase") + " " + e.getInt("step")))
        .contains(
            "load 0",
            "evaluate 0",
            "evaluate 2",
            "evaluate 4",
            "checkpoint 2",
            "save 2",
            "checkpoint 3",
            "save 3",
            "save 4");
  }

  private static List<RecordedEvent> named(List<RecordedEvent> events, String name) {
    return events.stream()
        .filter(e -> e.getEventType().getName().equals(name))
        .sorted(java.util.Comparator.comparing(RecordedEvent::getStartTime))
        .toList();
  }
}
