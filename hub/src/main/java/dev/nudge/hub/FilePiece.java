package dev.nudge.hub;

import dev.nudge.format.BoundedStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Files;
import java.nio.file.Path;

/// A piece of a file as the body of a request.
final class FilePiece {
  private FilePiece() {}

  static BodyPublisher of(Path file, long from, long count) {
    return BodyPublishers.fromPublisher(
        BodyPublishers.ofInputStream(
            () -> {
              try {
                InputStream in = Files.newInputStream(file);
                in.skipNBytes(from);
                return new BoundedStream(in, count);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            }),
        count);
  }
}
