package dev.nudge.hub;

import dev.nudge.format.Json;
import dev.nudge.gguf.GgufHeader;
import dev.nudge.gguf.GgufTensor;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Makes a model folder from configs and the header of each weight file, downloaded by ranges.
/// After the header a weight file is a hole of the right length: names, types and shapes of tensors
/// are right, and all weights are zeros. Small tensors are downloaded too: those of a GGUF file
/// that belong to its config, and those of a quantised model that describe its codes.
///
/// Complete files are verified by the hub's digests; headers have none.
final class HeaderFolder {
  private static final int FIRST = 64 << 10; // bytes; most headers are shorter
  private static final int FIRST_GGUF = 1 << 20; // a GGUF header contains the vocabulary
  private static final long MOST = 100_000_000; // bytes of a header, the format's limit
  private static final int MOST_TEXT = 64 << 20; // bytes of a config or a tokenizer
  private static final long MOST_OF_ALL = 1L << 30; // bytes of all headers of a model

  private static final long GAP = 1L << 20; // bytes between tensors up to which one range gets both
  private static final long PIECE = 16L << 20; // bytes of one range

  /// Tensors of quantised layers that are read even if only headers are inspected.
  private static final Pattern SMALL =
      Pattern.compile(
          ".*\\.(quant_state\\..*|(nested_)?quant_map|weight_shape|(weight_)?g_idx|qzeros)");

  private final HubClient client;
  private final HubSettings settings;
  private final HubListener listener;
  private final RepoName name;
  private final RepoTree tree;
  private long fetched;

  HeaderFolder(
      HubClient client, HubSettings settings, HubListener listener, RepoName name, RepoTree tree) {
    this.client = client;
    this.settings = settings;
    this.listener = listener;
    this.name = name;
    this.tree = tree;
  }

  /// Writes the folder.
  ///
  /// @param files files of the model, the weights first
  /// @param tokenizer whether its files are needed too
  /// @return number of downloaded bytes
  long write(Path into, List<HubFile> files, boolean tokenizer) throws IOException {
    for (HubFile file : files) {
      Path to = file.in(into);
      Files.createDirectories(Objects.requireNonNull(to.getParent()));
      if (file.path().endsWith(FileChoice.GGUF)) {
        gguf(file, to);
      } else if (FileChoice.isWeights(file.path())) {
        header(file, to);
      } else if (FileChoice.isConfig(file) || tokenizer && FileChoice.isTokenizer(file)) {
        Files.write(to, whole(file));
      }
    }
    return fetched;
  }

  private byte[] whole(HubFile file) throws IOException {
    byte[] all = bytes(file, 0, file.size());
    InputStream in = new ByteArrayInputStream(all);
    if (!Part.digest(file.sha256() != null, file.size(), in).equals(file.digest())) {
      throw new RunException(
          "%s: %s is not what the hub lists: its bytes have another digest"
              .formatted(name, file.path()));
    }
    return all;
  }

  private void gguf(HubFile file, Path to) throws IOException {
    try (RandomAccessFile out = new RandomAccessFile(to.toFile(), "rw")) {
      out.setLength(file.size());
      List<GgufTensor> more = null;
      for (long known = 0; more == null; ) {
        long next = Math.min(file.size(), Math.max(FIRST_GGUF, 2 * known));
        copy(file, known, next, out);
        known = next;
        more = GgufHeader.ofConfig(to, known);
      }
      for (GgufTensor tensor : more) {
        copy(file, tensor.begin(), tensor.begin() + tensor.bytes(), out);
      }
    }
  }

  private void copy(HubFile file, long from, long to, RandomAccessFile out) throws IOException {
    byte[] piece = bytes(file, from, to);
    out.seek(from);
    out.write(piece);
  }

  private void header(HubFile file, Path to) throws IOException {
    byte[] first = bytes(file, 0, Math.min(FIRST, file.size()));
    long length =
        first.length < 8 ? -1 : ByteBuffer.wrap(first).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    if (length < 0 || length > MOST || length > file.size() - 8) {
      throw new InputException(
          "%s: %s has no header of a safetensors file".formatted(name, file.path()));
    }
    try (RandomAccessFile out = new RandomAccessFile(to.toFile(), "rw")) {
      byte[] header = Arrays.copyOf(first, Math.toIntExact(length + 8));
      if (header.length > first.length) {
        byte[] rest = bytes(file, first.length, header.length);
        System.arraycopy(rest, 0, header, first.length, rest.length);
      }
      out.write(header);
      out.setLength(file.size());
      for (long[] piece : small(header, file.size())) {
        copy(file, piece[0], piece[1], out);
      }
    }
  }

  /// Returns the byte ranges of a file's small tensors; nearby tensors share a range.
  ///
  /// @param header the header, preceded by its length
  private static List<long[]> small(byte[] header, long size) {
    JsonNode tensors;
    try {
      tensors = Json.parse(new String(header, 8, header.length - 8, StandardCharsets.UTF_8));
    } catch (JacksonException e) {
      return List.of(); // the reader of the file reports the error
    }
    List<long[]> ranges = new ArrayList<>();
    for (Map.Entry<String, JsonNode> tensor : tensors.properties()) {
      JsonNode at = tensor.getValue().path("data_offsets");
      long begin = header.length + at.path(0).asLong(-1);
      long end = header.length + at.path(1).asLong(-1);
      if (SMALL.matcher(tensor.getKey()).matches()
          && header.length <= begin
          && begin < end
          && end <= size) {
        ranges.add(new long[] {begin, end});
      }
    }
    ranges.sort(Comparator.comparingLong(range -> range[0]));
    List<long[]> pieces = new ArrayList<>();
    for (long[] range : ranges) {
      long[] last = pieces.isEmpty() ? null : pieces.getLast();
      if (last != null && range[0] - last[1] <= GAP && range[1] - last[0] <= PIECE) {
        last[1] = Math.max(last[1], range[1]);
      } else {
        pieces.add(range);
      }
    }
    return pieces;
  }

  /// Downloads the bytes of a range, with retries.
  private byte[] bytes(HubFile file, long from, long to) throws IOException {
    if (to - from > Math.max(MOST, MOST_TEXT) || fetched + (to - from) > MOST_OF_ALL) {
      throw new InputException(
          "%s: %s is too long, or all headers are: %d MiB of them are fetched at most"
              .formatted(name, file.path(), MOST_OF_ALL >> 20));
    }
    if (from == to) {
      return new byte[0];
    }
    boolean all = from == 0 && to == file.size();
    Map<String, String> headers =
        all
            ? Map.of("Accept-Encoding", "identity")
            : Map.of("Accept-Encoding", "identity", "Range", "bytes=%d-%d".formatted(from, to - 1));
    Attempts attempts = client.attempts(name + ": " + file.path(), listener);
    while (true) {
      try (HubClient.Answer answer = client.get(client.file(name, tree.commit(), file), headers)) {
        if (Attempts.isPassing(answer.status())) {
          attempts.answered(answer.response());
          continue;
        }
        if (answer.status() != 200 && answer.status() != 206) {
          throw HubErrors.of(answer, name, settings);
        }
        if (!all && !answer.header("Content-Range").startsWith("bytes " + from + "-")) {
          throw new RunException(
              "%s: %s cannot be asked for a range; nudge models pull %s fetches all of it"
                  .formatted(name, file.path(), name));
        }
        byte[] got =
            Silence.read(answer.response().body(), Math.toIntExact(to - from), settings.timeout());
        if (got.length != to - from) {
          throw new IOException("the answer ended early");
        }
        fetched += got.length;
        return got;
      } catch (IOException e) {
        attempts.failed(e);
      }
    }
  }
}
