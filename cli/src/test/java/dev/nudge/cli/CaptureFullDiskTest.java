package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.cli.BadInputTest.Mount;
import dev.nudge.format.Json;
import dev.nudge.server.CaptureSettings;
import dev.nudge.server.capture.Capture;
import dev.nudge.server.capture.CapturedAnswer;
import dev.nudge.server.capture.Opinion;
import dev.nudge.settings.RunException;
import dev.nudge.settings.Schema;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.JsonNodeFactory;

/// A disk that is full while answers are captured: they are counted as lost, no line is cut, and
/// capture goes on when there is room.
@Timeout(1800)
class CaptureFullDiskTest {
  @TempDir Path folder;

  private static CapturedAnswer answer(String id) {
    return new CapturedAnswer(
        "r-" + id,
        id,
        "shop",
        "teams",
        "teams",
        1,
        "sha256:a",
        "sha256:b",
        null,
        null,
        JsonNodeFactory.instance.stringNode("q"),
        null,
        List.of(JsonNodeFactory.instance.stringNode("x".repeat(3000))),
        List.of("stop"));
  }

  private static Opinion up(String id) {
    return new Opinion(id, false, 0, 1.0, null, null, null, null);
  }

  @Test
  void whereItIsFullLinesAreLostWholeAndLaterOnesAreKept() throws Exception {
    List<String> warnings = Collections.synchronizedList(new ArrayList<>());
    try (Mount mount = Mount.of(folder.resolve("disk"), "size=256k")) {
      Path kept = mount.at().resolve("kept");
      CaptureSettings settings = Schema.of(CaptureSettings.class).of(Map.of("capture", kept));
      try (Capture capture =
          Objects.requireNonNull(Capture.open(settings, "sha256:b", warnings::add))) {
        capture.answered(answer("a1"));
        assertThat(capture.take("shop", up("a1"))).isNotNull();
        mount.fill(0);
        assertThatThrownBy(
                () -> {
                  for (int i = 0; i < 99; i++) { // until the last page is full
                    capture.take("shop", up("a1"));
                  }
                })
            .isInstanceOf(RunException.class)
            .hasMessageEndingWith("No space left on device");
        for (int i = 0; i < 9; i++) {
          capture.answered(answer("lost-and-not-found-" + i));
        }
        assertThatThrownBy(() -> capture.take("shop", up("lost-and-not-found-0")))
            .isInstanceOf(RunException.class);
        assertThat(capture.failed()).isEqualTo(11);
        assertThat(warnings)
            .singleElement()
            .asString()
            .startsWith("answers are not captured: cannot write ")
            .endsWith("No space left on device");
        mount.free();
        capture.answered(answer("z"));
        assertThat(capture.take("shop", up("z"))).isNotNull();
      }
      List<String> ids = new ArrayList<>();
      try (var files = Files.walk(kept)) {
        for (Path file : files.filter(f -> f.toString().endsWith(".jsonl")).toList()) {
          Files.readAllLines(file).forEach(line -> ids.add(Json.parse(line).path("id").asString()));
        }
      }
      assertThat(ids).startsWith("a1", "a1").endsWith("z", "z");
    }
  }
}
