package dev.nudge.data;

import dev.nudge.data.source.SourceFiles;
import dev.nudge.data.source.Unreadable;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.TokenTableBuilder;
import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Caches tokenised rows in files of the cache folder.
///
/// The key of a file is a digest of all that determines its tokens: the tokenizer, the chat
/// template and its label mask, the settings of rows and length, the names, sizes and contents of
/// the data files, and this program. So nothing has to be invalidated by hand, and a torn or
/// damaged file ([TokenFile]) is made again. Small data is tokenised each time, in less than a
/// second.
///
/// A file is written beside its place and renamed, so two processes may write the same one. If the
/// folder is not writable, tokens stay in memory. Writing a file evicts those not used for 30 days,
/// and the oldest until all together are at most 20 GB.
public final class TokenCache {
  public static final String FOLDER = "tokens";
  private static final int VERSION = 6; // raised when tokens or marks of a row change
  private static final long LEAST_BYTES = 256 << 10; // of data files

  /// A listener to the progress of reading.
  public interface Watch {
    /// Receives the progress after each chunk of rows, and once more at the end.
    ///
    /// @param rows rows read so far, bad ones included
    /// @param tokens tokens of the good rows
    /// @param share approximate share of the files that was read; 1 only at the end
    void read(long rows, long tokens, double share);
  }

  private final @Nullable Path folder;
  private final Watch watch;
  private final long leastBytes;

  private TokenCache(@Nullable Path folder, Watch watch, long leastBytes) {
    this.folder = folder;
    this.watch = watch;
    this.leastBytes = leastBytes;
  }

  /// Returns a cache that keeps nothing.
  public static TokenCache none() {
    return new TokenCache(null, (rows, tokens, share) -> {}, 0);
  }

  /// Returns a cache in a folder.
  public static TokenCache in(Path cacheFolder) {
    return new TokenCache(cacheFolder.resolve(FOLDER), (rows, tokens, share) -> {}, LEAST_BYTES);
  }

  /// Copies the cache with a listener, which is not called for rows that are cached already.
  public TokenCache watched(Watch watch) {
    return new TokenCache(folder, watch, leastBytes);
  }

  /// The same for data of any size.
  public TokenCache ofAll() {
    return new TokenCache(folder, watch, 0);
  }

  /// Sequences and what is known of their rows.
  record Rows(List<Example> examples, RowFacts facts) {}

  /// The rows of data, from their file or made.
  ///
  /// @param digest of the contents of the data files
  Rows rows(Dataset.Reading reading, RowEncoder encoder, String digest) {
    Map<String, Long> sizes = sizes(reading);
    long bytes = sizes.values().stream().mapToLong(Long::longValue).sum();
    Path file = bytes < leastBytes ? null : file(reading, encoder, digest, sizes);
    Rows kept = file == null ? null : TokenFile.open(file);
    if (kept != null) {
      Flaws flaws = reading.flaws();
      Flaws.Counts seen = kept.facts().flaws();
      if (flaws != null && seen != null) {
        flaws.restore(seen);
      }
      return kept;
    }
    if (file != null) {
      try {
        Rows made = make(reading, encoder, file, bytes);
        if (made != null) {
          return made;
        }
      } catch (IOException | UncheckedIOException e) {
        // the folder cannot be written, or the disk is full: a cache is no reason to fail
      }
    }
    if (reading.flaws() != null) {
      reading.flaws().clear(); // what was seen before the disk refused is seen again
    }
    return inMemory(reading, encoder, bytes);
  }

  private Rows inMemory(Dataset.Reading reading, RowEncoder encoder, long bytes) {
    TokenTableBuilder.InMemory ids = new TokenTableBuilder.InMemory();
    TokenTableBuilder table = new TokenTableBuilder(ids);
    RowFacts facts = EncodedRows.read(reading, encoder, table, bytes, watch);
    return new Rows(table.table(ids.ids()).examples(), facts);
  }

  private @Nullable Rows make(Dataset.Reading reading, RowEncoder encoder, Path file, long bytes)
      throws IOException {
    Files.createDirectories(file.getParent());
    try (TokenFile.Writer writer = TokenFile.write(file)) {
      TokenTableBuilder table = new TokenTableBuilder(writer);
      RowFacts facts = EncodedRows.read(reading, encoder, table, bytes, watch);
      writer.finish(table, facts);
    }
    OldTokens.sweep(file);
    return TokenFile.open(file);
  }

  /// The data files with their bytes.
  private static Map<String, Long> sizes(Dataset.Reading reading) {
    Map<String, Long> sizes = new LinkedHashMap<>();
    for (SourceFiles.Found found : SourceFiles.of(reading.data().data(), reading.pick())) {
      try {
        sizes.merge(found.file().toString(), Files.size(found.file()), Long::sum);
      } catch (IOException e) {
        throw Unreadable.of(found.file(), e);
      }
    }
    return sizes;
  }

  /// The file of these rows; null where none is kept.
  private @Nullable Path file(
      Dataset.Reading reading, RowEncoder encoder, String digest, Map<String, Long> sizes) {
    Map<String, @Nullable Object> rule = folder == null ? null : encoder.rule();
    if (folder == null || rule == null) {
      return null;
    }
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("version", VERSION);
    all.put("program", Program.stamp());
    all.put("rule", rule);
    all.put("data", reading.data());
    all.put("pick", reading.pick());
    all.put("quality", reading.flaws() == null ? null : reading.flaws().settings());
    all.put("groups", reading.groups());
    all.put("rows", reading.rows());
    all.put("files", sizes);
    all.put("digest", digest);
    Sha256 sha = new Sha256();
    sha.update(MemorySegment.ofArray(Json.line(all).getBytes(StandardCharsets.UTF_8)));
    return folder.resolve(sha.hex() + TokenFile.SUFFIX);
  }
}
