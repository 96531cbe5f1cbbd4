package dev.nudge.hub;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Files;
import java.nio.file.Path;

/// A piece of a file as the body of a request.
final class FilePiece extends FilterInputStream {
  private long left;

  private FilePiece(InputStream in, long left) {
    super(in);
    this.left = left;
  }

  static BodyPublisher of(Path file, long from, long count) {
    return BodyPublishers.fromPublisher(
        BodyPublishers.ofInputStream(
            () -> {
              try {
                InputStream in = Files.newInputStream(file);
                in.skipNBytes(from);
                return new FilePiece(in, count);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            }),
        count);
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] to, int from, int count) throws IOException {
    if (left == 0) {
      return -1;
    }
    int n = in.read(to, from, (int) Math.min(count, left));
    left -= Math.max(0, n);
    return n;
  }
}
