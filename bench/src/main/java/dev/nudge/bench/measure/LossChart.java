package dev.nudge.bench.measure;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Draws loss curves into an SVG.
public final class LossChart {
  private static final int WIDTH = 640;
  private static final int HEIGHT = 360;
  private static final int LEFT = 60;
  private static final int TOP = 40;
  private static final int BOTTOM = 40;
  private static final int RIGHT = 20;
  private static final List<String> COLOURS =
      List.of("#1f6fb2", "#c2532d", "#4c8c4a", "#7d5ba6", "#8a8a2a");

  private LossChart() {}

  public static void write(Path file, String title, Map<String, List<Double>> curves) {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      Files.writeString(file, svg(title, curves));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String svg(String title, Map<String, List<Double>> curves) {
    double low = Double.MAX_VALUE;
    double high = -Double.MAX_VALUE;
    int steps = 2;
    for (List<Double> curve : curves.values()) {
      for (double loss : curve) {
        low = Math.min(low, loss);
        high = Math.max(high, loss);
      }
      steps = Math.max(steps, curve.size());
    }
    double span = Math.max(1e-6, high - low);
    StringBuilder svg = new StringBuilder();
    svg.append(
        String.format(
            Locale.ROOT,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\""
                + " font-family=\"sans-serif\" font-size=\"12\">%n<rect width=\"100%%\""
                + " height=\"100%%\" fill=\"white\"/>%n<text x=\"%d\" y=\"20\""
                + " font-size=\"14\">%s</text>%n",
            WIDTH,
            HEIGHT,
            LEFT,
            title));
    for (int i = 0; i <= 4; i++) {
      double loss = low + span * i / 4;
      double y = y(loss, low, span);
      svg.append(
          String.format(
              Locale.ROOT,
              "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#ddd\"/>%n"
                  + "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.3f</text>%n",
              LEFT,
              y,
              WIDTH - RIGHT,
              y,
              LEFT - 6,
              y + 4,
              loss));
    }
    svg.append(
        String.format(
            Locale.ROOT,
            "<text x=\"%d\" y=\"%d\">step 1</text>%n"
                + "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%d</text>%n",
            LEFT,
            HEIGHT - 14,
            WIDTH - RIGHT,
            HEIGHT - 14,
            steps));
    int at = 0;
    for (Map.Entry<String, List<Double>> curve : curves.entrySet()) {
      String colour = COLOURS.get(at % COLOURS.size());
      svg.append("<polyline fill=\"none\" stroke-width=\"2\" stroke=\"").append(colour);
      svg.append("\" points=\"");
      for (int i = 0; i < curve.getValue().size(); i++) {
        double x = LEFT + (double) (WIDTH - LEFT - RIGHT) * i / (steps - 1);
        svg.append(
            String.format(Locale.ROOT, "%.1f,%.1f ", x, y(curve.getValue().get(i), low, span)));
      }
      svg.append("\"/>\n");
      svg.append(
          String.format(
              Locale.ROOT,
              "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"%s\">%s</text>%n",
              WIDTH - RIGHT,
              TOP + 16 * at,
              colour,
              curve.getKey()));
      at++;
    }
    return svg.append("</svg>\n").toString();
  }

  private static double y(double loss, double low, double span) {
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (loss - low) / span);
  }
}
