package dev.nudge.server.ui;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UiFilesTest {
  private static final Path FOLDER = Path.of("src/main/resources/dev/nudge/server/ui");

  private static List<Path> onDisk() throws IOException {
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files.toList();
    }
  }

  @Test
  void everyFileOfTheFolderIsServed() throws IOException {
    assertThat(onDisk()).isNotEmpty();
    for (Path file : onDisk()) {
      UiFiles.UiFile served = UiFiles.find(String.valueOf(file.getFileName()));
      assertThat(served == null ? null : served.text()).isEqualTo(Files.readString(file));
    }
    assertThat(UiFiles.find("")).isSameAs(UiFiles.find("index.html"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"../ui.css", "UiFiles.class", "%2e%2e/app.js", "app.js/", "/app.js", "ui"})
  void nothingElseIs(String name) {
    assertThat(UiFiles.find(name)).isNull();
  }

  @Test
  void noModuleMakesHtmlOfTextOrAsksAnotherHost() throws IOException {
    for (Path file : onDisk()) {
      String text = Files.readString(file);
      assertThat(text)
          .as(file.toString())
          .doesNotContain(
              "innerHTML =", "outerHTML", "insertAdjacentHTML", "document.write", "eval(")
          .doesNotContain("localStorage", "sessionStorage", "document.cookie");
      assertThat(text.replace("http://www.w3.org/", ""))
          .as(file.toString())
          .doesNotContain("http:", "https:");
    }
  }
}
