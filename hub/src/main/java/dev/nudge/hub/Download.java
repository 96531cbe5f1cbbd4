package dev.nudge.hub;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.function.LongConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Downloads one file into the cache's blobs: it appears under its digest only after its bytes were
/// verified.
///
/// A broken download resumes where it ended (`Range`), in the same or a later run. Answers are
/// checked: 206 must have a `Content-Range` that begins at the end of the partial file, 200
/// restarts from the first byte, 416 discards the partial file. A wrong length or digest causes one
/// more attempt from the start.
///
/// Files are downloaded in sequence, by plain HTTP: parallel downloads, or Xet's protocol, are
/// faster only if the bandwidth of a single connection is limited.
final class Download {
  private static final Pattern RANGE =
      Pattern.compile("bytes (\\d{1,18})-\\d{1,18}/(\\d{1,18}|\\*)");
  private static final int PIECE = 1 << 16;
  private static final int WRONG = 2; // wrong answers after which it gives up

  private final HubClient client;
  private final RepoName name;
  private final URI address;
  private final HubFile file;
  private final Attempts attempts;
  private final LongConsumer moved;
  private int wrong;

  /// @param moved receives the number of bytes downloaded so far
  Download(
      HubClient client,
      RepoName name,
      String commit,
      HubFile file,
      HubListener listener,
      LongConsumer moved) {
    this.client = client;
    this.name = name;
    this.address = client.file(name, commit, file);
    this.file = file;
    this.attempts = client.attempts(name + ": " + file.path(), listener);
    this.moved = moved;
  }

  /// Returns the path of a blob's partial file.
  static Path part(Path blob) {
    return blob.resolveSibling(blob.getFileName() + ".incomplete");
  }

  /// Downloads the blob.
  ///
  /// @param locked whether the caller holds its lock; if not, another process may download the same
  ///     file, so the partial file has a unique name and is never resumed
  void into(Path blob, boolean locked, HubSettings settings) throws IOException {
    Path place =
        part(locked ? blob : blob.resolveSibling(blob.getFileName() + "." + UUID.randomUUID()));
    boolean keep = locked;
    try {
      fill(place, settings);
      Files.move(place, blob, StandardCopyOption.ATOMIC_MOVE);
    } catch (Wrong e) {
      keep = false; // the partial file is corrupt
      throw new RunException(String.valueOf(e.getMessage()), e);
    } finally {
      if (!keep) {
        Files.deleteIfExists(place);
      }
    }
  }

  private void fill(Path place, HubSettings settings) throws IOException {
    boolean right = false;
    try (Part part = Part.open(place, file)) {
      while (!right) {
        while (!part.isWhole()) {
          attempt(part, settings);
        }
        right = part.isRight();
        if (!right) {
          wrong("its bytes have another digest than the hub lists");
        }
      }
      part.force();
    }
  }

  private void attempt(Part part, HubSettings settings) throws IOException {
    long begin = part.length();
    Map<String, String> headers = new HashMap<>(Map.of("Accept-Encoding", "identity"));
    if (begin > 0) {
      headers.put("Range", "bytes=" + begin + "-");
    }
    try (HubClient.Answer answer = client.get(address, headers)) {
      if (Attempts.isPassing(answer.status())) {
        attempts.answered(answer.response());
        return;
      }
      if (begins(answer, part, settings)) {
        take(answer, part, settings);
      }
    } catch (IOException e) {
      if (part.length() > begin) {
        attempts.moved();
      }
      if (isOfDisk(e)) {
        throw e;
      }
      attempts.failed(e);
    }
  }

  private static boolean isOfDisk(IOException e) {
    return e instanceof FileSystemException || e instanceof DiskFailure;
  }

  /// Whether an answer's body continues at the end of the partial file.
  private boolean begins(HubClient.Answer answer, Part part, HubSettings settings)
      throws IOException {
    switch (answer.status()) {
      case 200 -> {
        String length = answer.header("Content-Length");
        if (!length.isEmpty() && !length.equals(Long.toString(file.size()))) {
          wrong("%s bytes came, %d are listed".formatted(length, file.size()));
          return false;
        }
        part.reset();
        return true;
      }
      case 206 -> {
        Matcher range = RANGE.matcher(answer.header("Content-Range"));
        boolean fits =
            range.matches()
                && range.group(1).equals(Long.toString(part.length()))
                && (range.group(2).equals("*")
                    || range.group(2).equals(Long.toString(file.size())));
        if (!fits) {
          part.reset();
          wrong("another range came than was asked for");
        }
        return fits;
      }
      case 416 -> {
        part.reset();
        wrong("the range that is missing is not there");
        return false;
      }
      default -> throw HubErrors.of(answer, name, settings);
    }
  }

  private void take(HubClient.Answer answer, Part part, HubSettings settings) throws IOException {
    try (InputStream in = new Silence(answer.response().body(), settings.timeout())) {
      byte[] piece = new byte[PIECE];
      for (int n = in.read(piece); n >= 0; n = in.read(piece)) {
        boolean fits;
        try {
          fits = part.append(piece, n);
        } catch (IOException e) {
          throw new DiskFailure(e);
        }
        if (!fits) {
          part.reset();
          wrong("more than the %d bytes came that are listed".formatted(file.size()));
          return;
        }
        moved.accept(part.length());
      }
    }
    if (!part.isWhole()) {
      throw new IOException("the answer ended early");
    }
  }

  /// Counts an invalid answer.
  private void wrong(String what) {
    wrong++;
    if (wrong >= WRONG) {
      throw new Wrong(
          "%s: %s is not what the hub lists: %s; nothing of it is kept"
              .formatted(name, file.path(), what));
    }
  }

  /// Thrown if the hub, or a proxy, sends other bytes than the hub lists.
  private static final class Wrong extends RuntimeException {
    Wrong(String message) {
      super(message);
    }
  }

  /// Thrown if the disk failed, not the network.
  private static final class DiskFailure extends IOException {
    DiskFailure(IOException cause) {
      super(cause.getMessage(), cause);
    }
  }
}
