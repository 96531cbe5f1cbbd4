package dev.nudge.curves;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.curves.Curves.Point;
import dev.nudge.settings.InputException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/// Read the losses of a run and what is drawn of them.
class LossSvgTest {
  @TempDir Path folder;

  private static Curves falling(String name, int steps) {
    Random random = new Random(steps);
    List<Point> train = new ArrayList<>();
    List<Point> heldOut = new ArrayList<>(List.of(new Point(0, 3.5)));
    for (int i = 1; i <= steps; i++) {
      train.add(new Point(i, 3 * Math.exp(-3.0 * i / steps) + 0.3 * random.nextDouble()));
      if (i % (steps / 4) == 0) {
        heldOut.add(new Point(i, 1.0 / i + (i > steps / 2 ? 1 : 0)));
      }
    }
    return new Curves(name, train, heldOut);
  }

  private static Document parsed(String svg) throws Exception {
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
    return factory
        .newDocumentBuilder()
        .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
  }

  private static List<Element> ofClass(Document svg, String tag, String name) {
    NodeList all = svg.getElementsByTagName(tag);
    return IntStream.range(0, all.getLength())
        .mapToObj(i -> (Element) all.item(i))
        .filter(e -> List.of(e.getAttribute("class").split(" ")).contains(name))
        .toList();
  }

  @Test
  void aRunHasARawAndASmoothLineItsHeldOutPointsAndTheBestOfThem() throws Exception {
    Document svg = parsed(LossSvg.of(List.of(falling("a run", 40))));
    assertThat(ofClass(svg, "polyline", "raw")).hasSize(1);
    Element smooth = ofClass(svg, "polyline", "smooth").getFirst();
    assertThat(smooth.getAttribute("points").split(" ")).hasSize(40);
    assertThat(ofClass(svg, "circle", "dot")).hasSize(5 + 2); // two in the legend
    List<Element> best = ofClass(svg, "circle", "best");
    assertThat(best).hasSize(2);
    // the lowest after the start is at step 20 of 0 to 40: the middle of the plot
    assertThat(Double.parseDouble(best.getFirst().getAttribute("cx"))).isCloseTo(465, within(0.1));
    assertThat(svg.getDocumentElement().getTextContent())
        .contains("a run", "train, smoothed", "held out", "best: 0.0500 after step 20", "step");
  }

  @Test
  void tenThousandStepsAreASmallFileThatKeepsThePeaks() throws Exception {
    Curves run = falling("long", 10_000);
    List<Point> train = new ArrayList<>(run.train());
    train.set(5_000, new Point(5_001, 2.9999)); // the only step so high this late
    String svg = LossSvg.of(List.of(new Curves("long", train, run.heldOut())));
    assertThat(svg.length()).isLessThan(25_000);
    for (String line : List.of("raw", "smooth")) {
      String points = ofClass(parsed(svg), "polyline", line).getFirst().getAttribute("points");
      assertThat(points.split(" ")).hasSizeLessThanOrEqualTo(600).hasSizeGreaterThan(400);
    }
    assertThat(Curves.thinned(train)).contains(train.get(5_000), train.getFirst(), train.getLast());
  }

  @Test
  void aNameIsEscapedAndNothingIsFetched() throws Exception {
    String svg = LossSvg.of(List.of(falling("<script>alert(1)</script> & \"x\" \u0000\u001b", 8)));
    Document document = parsed(svg);
    assertThat(document.getElementsByTagName("script").getLength()).isZero();
    assertThat(document.getDocumentElement().getTextContent())
        .contains("<script>alert(1)</script> & \"x\" ??");
    assertThat(svg.replace("http://www.w3.org/2000/svg", ""))
        .doesNotContain("http", "href", "@import", "url(http", "<image");
  }

  @Test
  void theSameLossesGiveTheSameBytes() {
    assertThat(LossSvg.of(List.of(falling("r", 100))))
        .isEqualTo(LossSvg.of(List.of(falling("r", 100))));
  }

  @Test
  void itIsReadableOnLightAndOnDark() {
    assertThat(LossSvg.of(List.of(falling("r", 8))))
        .contains("@media (prefers-color-scheme: dark)", ".paper { fill: #fff }");
  }

  @Test
  void severalRunsHaveAColourAndALineInTheLegendEach() throws Exception {
    List<Curves> runs =
        IntStream.range(0, 5).mapToObj(i -> falling("run" + i, 40 + i * 8)).toList();
    Document svg = parsed(LossSvg.of(runs));
    assertThat(ofClass(svg, "polyline", "smooth"))
        .extracting(e -> e.getAttribute("class"))
        .containsExactly("smooth c0", "smooth c1", "smooth c2", "smooth c3", "smooth c4");
    assertThat(ofClass(svg, "polyline", "raw")).isEmpty();
    assertThat(svg.getDocumentElement().getTextContent()).contains("run0 (held out, best: 0.0500");
    assertThat(ofClass(parsed(LossSvg.of(runs.subList(0, 3))), "polyline", "raw")).hasSize(3);
  }

  @Test
  void aRunWithoutALossSaysSo() throws Exception {
    String svg = LossSvg.of(List.of(Curves.of("new", List.of())));
    assertThat(parsed(svg).getDocumentElement().getTextContent()).contains("no loss yet: new");
    Curves one = new Curves("one", List.of(new Point(1, 2)), List.of());
    assertThat(ofClass(parsed(LossSvg.of(List.of(one))), "polyline", "smooth")).hasSize(1);
  }

  @Test
  void smoothingBeginsAtTheFirstLossAndFollowsTheMean() {
    List<Point> flat = IntStream.rangeClosed(1, 500).mapToObj(i -> new Point(i, 2.5)).toList();
    assertThat(Curves.smoothed(flat))
        .allSatisfy(p -> assertThat(p.loss()).isCloseTo(2.5, within(1e-12)));
    List<Point> zigzag =
        IntStream.rangeClosed(1, 5000).mapToObj(i -> new Point(i, i % 2 == 0 ? 1 : 3)).toList();
    List<Point> smooth = Curves.smoothed(zigzag);
    assertThat(smooth.getFirst().loss()).isCloseTo(3, within(1e-12));
    assertThat(smooth.getLast().loss()).isCloseTo(2, within(0.02));
    List<Point> few = zigzag.subList(0, 50);
    assertThat(Curves.smoothed(few)).isEqualTo(few);
  }

  @Test
  void axesHaveRoundTicks() {
    assertThat(Axes.Axis.of(0, 120, 8, true).ticks())
        .containsExactly(0., 20., 40., 60., 80., 100., 120.);
    assertThat(Axes.Axis.of(0, 3, 8, true).ticks()).containsExactly(0., 1., 2., 3.);
    Axes.Axis losses = Axes.Axis.of(0.213, 0.784, 6, false);
    assertThat(losses.ticks().stream().map(losses::label))
        .containsExactly("0.3", "0.4", "0.5", "0.6", "0.7");
    Axes.Axis fine = Axes.Axis.of(0.00012, 0.00031, 6, false);
    assertThat(fine.label(fine.ticks().getFirst())).isEqualTo("0.00015");
    assertThat(Axes.Axis.of(2, 2, 6, false).ticks()).isNotEmpty();
    assertThat(Axes.Axis.of(2, Math.nextUp(2), 6, false).ticks())
        .as("all but one")
        .hasSizeBetween(1, 8);
    assertThat(Axes.Axis.of(-1, 1, 4, false).ticks()).contains(0.);
    assertThat(Axes.Axis.of(-1, 1, 4, false).label(-0.0)).isEqualTo("0.0");
  }

  @Test
  void halfALineAtTheEndIsLeftOutAndOneBeforeItIsRefused() throws IOException {
    Path file = folder.resolve("metrics.jsonl");
    assertThat(MetricRows.read(file)).isEmpty();
    assertThat(MetricRows.last(file)).isEmpty();
    Files.writeString(
        file,
        """
        {"step": 0, "eval_loss": 3.0}
        {"step": 1, "loss": 2.0}
        {"step": 2, "loss": null}
        {"step": 3, "loss": 1.5}
        {"step": 4, "lo\
        """);
    Curves run = Curves.read("r", file);
    assertThat(run.train()).containsExactly(new Point(1, 2), new Point(3, 1.5));
    assertThat(run.heldOut()).containsExactly(new Point(0, 3));
    assertThat(run.best()).isNull();
    assertThat(MetricRows.last(file)).hasSize(4);
    Files.writeString(file, "{\"step\": 1}\n[2]\n{\"step\": 3}\n");
    assertThatThrownBy(() -> MetricRows.read(file))
        .isInstanceOf(InputException.class)
        .hasMessage(file + ":2 is not a row of metrics, a JSON object; mend or delete it");
  }

  @Test
  void theLastRowsOfALongFileAreWholeOnes() throws IOException {
    Path file = folder.resolve("metrics.jsonl");
    StringBuilder lines = new StringBuilder();
    for (int i = 1; i <= 5000; i++) {
      lines.append("{\"step\":").append(i).append(",\"loss\":1.25}\n");
    }
    Files.writeString(file, lines);
    List<Integer> steps =
        MetricRows.last(file).stream().map(row -> row.get("step").asInt()).toList();
    assertThat(steps).hasSizeBetween(100, 1000).endsWith(4999, 5000);
  }

  @Test
  void aStepThatWasMadeAgainCountsOnce() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("metrics.jsonl"),
            "{\"step\":1,\"loss\":4}\n{\"step\":2,\"loss\":3}\n{\"step\":3,\"loss\":9}\n"
                + "{\"step\":2,\"loss\":2}\n{\"step\":3,\"loss\":1}\n");
    assertThat(Curves.read("r", file).train())
        .containsExactly(new Point(1, 4), new Point(2, 2), new Point(3, 1));
  }

  @Test
  void aTerminalShowsTheCurveInBrailleOrInAscii() {
    Curves run =
        new Curves(
            "r",
            IntStream.rangeClosed(1, 40).mapToObj(i -> new Point(i, 40 - i)).toList(),
            List.of(new Point(20, 30)));
    assertThat(LossText.of(List.of(run), false, 31, 4))
        .containsExactly(
            "r",
            "  39.0000 |*****    o",
            "          |     *****",
            "          |          *****",
            "   0.0000 |               *****",
            "           step 1            40");
    List<String> braille = LossText.of(List.of(run, falling("s", 8)), true, 60, 3);
    assertThat(braille).hasSize(2 * 5 + 1).allSatisfy(line -> assertThat(line).hasSizeLessThan(61));
    assertThat(braille.get(1)).contains("│ ⠉⠉").doesNotContain("*");
    assertThat(LossText.of(List.of(new Curves("e", List.of(), List.of())), true, 40, 3))
        .containsExactly("e", "          no loss yet");
  }
}
