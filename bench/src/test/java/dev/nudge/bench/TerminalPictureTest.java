package dev.nudge.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class TerminalPictureTest {
  private static final Path DOCS = Path.of("../docs");

  @Test
  void aLineThatWasRedrawnShowsWhatStoodThereLast() {
    String step = "\r\u001b[K\u001b[?7lstep %d  loss %s\u001b[?7h";
    String stream =
        "begin\r\n" + step.formatted(9, "1.25") + step.formatted(10, "1") + "\r\nend\n\n";
    assertThat(TerminalScreen.lines(stream)).containsExactly("begin", "step 10  loss 1", "end");
    assertThat(TerminalScreen.lines("abcdef\rxy\u001b[31mz\u001b[0m")).containsExactly("xyzdef");
    assertThat(TerminalScreen.lines("abcdef\rxy\u001b[K")).containsExactly("xy");
    assertThat(TerminalScreen.lines("")).isEmpty();
  }

  @Test
  void aLineKeepsItsColumnsAndMarkupIsEscaped() {
    String svg = TerminalPicture.svg("$ a\n\n  b < c &  d\n");
    assertThat(svg)
        .contains("viewBox=\"0 0 656 86\"")
        .contains(
            "<text class=\"c\" x=\"16.0\" y=\"29\" textLength=\"23.4\" xml:space=\"preserve\">$ a<")
        .contains(
            "<text x=\"31.6\" y=\"65\" textLength=\"78.0\" xml:space=\"preserve\">b &lt; c &amp;  d<");
    assertThat(svg.lines().filter(line -> line.startsWith("<text"))).hasSize(2);
  }

  @Test
  void thePictureOfTheQuickstartIsThatOfItsRecord() throws IOException {
    Path picture = DOCS.resolve("quickstart.svg");
    assumeTrue(Files.exists(picture), "docs/quickstart.svg is not there");
    assertThat(picture)
        .content()
        .isEqualTo(TerminalPicture.svg(Files.readString(DOCS.resolve("quickstart-run.txt"))));
  }
}
