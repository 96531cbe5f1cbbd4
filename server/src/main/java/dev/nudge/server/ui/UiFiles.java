package dev.nudge.server.ui;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The static files of the page, by their names below `/ui/`.
///
/// Names are looked up in a fixed list, so no request reaches the file system. The
/// Content-Security-Policy allows scripts, styles and requests of this server only: no inline
/// script or style, no frame, no form, no text turned into HTML.
final class UiFiles {
  private static final String INDEX = "index.html";
  private static final List<String> NAMES =
      List.of(
          INDEX,
          "ui.css",
          "icon.svg",
          "app.js",
          "api.js",
          "dom.js",
          "format.js",
          "dialogs.js",
          "chart.js",
          "playground.js",
          "column.js",
          "knobs.js",
          "adapters.js",
          "experiments.js",
          "runs.js",
          "load.js");

  private static final Map<String, UiFile> FILES = read();

  /// Headers of each response besides content type.
  static final Map<String, String> HEADERS =
      Map.of(
          "Content-Security-Policy",
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
              + " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
              + " require-trusted-types-for 'script'; trusted-types 'none'",
          "X-Content-Type-Options",
          "nosniff",
          "Referrer-Policy",
          "no-referrer",
          "Cross-Origin-Opener-Policy",
          "same-origin",
          "Cross-Origin-Resource-Policy",
          "same-origin",
          "Cache-Control",
          "no-cache");

  private UiFiles() {}

  /// A static file.
  ///
  /// @param type content type
  record UiFile(String type, String text) {}

  /// Finds a file; the page for an empty name.
  ///
  /// @return null if there is none
  static @Nullable UiFile find(String name) {
    return FILES.get(name.isEmpty() ? INDEX : name);
  }

  private static Map<String, UiFile> read() {
    Map<String, UiFile> files = new LinkedHashMap<>();
    for (String name : NAMES) {
      try (InputStream in = UiFiles.class.getResourceAsStream(name)) {
        byte[] bytes = Objects.requireNonNull(in, name).readAllBytes();
        files.put(name, new UiFile(type(name), new String(bytes, StandardCharsets.UTF_8)));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return files;
  }

  private static String type(String name) {
    String type =
        switch (name.substring(name.lastIndexOf('.') + 1)) {
          case "html" -> "text/html";
          case "css" -> "text/css";
          case "js" -> "text/javascript";
          case "svg" -> "image/svg+xml";
          default -> throw new IllegalArgumentException(name);
        };
    return type + "; charset=utf-8";
  }
}
