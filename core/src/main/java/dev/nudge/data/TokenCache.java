package dev.nudge.data;

import dev.nudge.data.source.Pick;
import dev.nudge.data.source.SourceFiles;
import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import dev.nudge.settings.DataSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Keeps the tokens of rows in files of the cache folder, so that they are made once.
///
/// A file is found by a digest of all that its tokens follow from: the tokenizer, the chat template
/// and its rule of what is trained, the settings of rows and of their length, the names, sizes and
/// contents of the data files, and this program. So nothing has to be thrown away by hand, and one
/// that is torn or damaged ([TokenFile]) is made again. Small data is tokenised each time: that
/// takes less than a second.
///
/// A file is written beside its place and renamed, so two processes may make the same one. Where
/// the
/// folder cannot be written, tokens stay in memory. Files that were not used for 30 days go when
/// another is written, and the oldest until all together are at most 20 GB.
public final class TokenCache {
  static final String FOLDER = "tokens";
  private static final int VERSION = 1; // raised when tokens or marks of a row change
  private static final long LEAST_BYTES = 256 << 10; // of data files

  /// Told how far reading is.
  public interface Watch {
    /// After each chunk of rows.
    ///
    /// @param rows that were read, bad ones included
    /// @param tokens that the good ones have
    void read(long rows, long tokens);
  }

  private final @Nullable Path folder;
  private final Watch watch;
  private final long leastBytes;

  private TokenCache(@Nullable Path folder, Watch watch, long leastBytes) {
    this.folder = folder;
    this.watch = watch;
    this.leastBytes = leastBytes;
  }

  /// Keeps nothing.
  public static TokenCache none() {
    return new TokenCache(null, (rows, tokens) -> {}, 0);
  }

  /// Keeps files in a cache folder.
  public static TokenCache in(Path cacheFolder) {
    return new TokenCache(cacheFolder.resolve(FOLDER), (rows, tokens) -> {}, LEAST_BYTES);
  }

  /// The same, telling how far reading is; nothing is told where tokens are kept already.
  public TokenCache watched(Watch watch) {
    return new TokenCache(folder, watch, leastBytes);
  }

  /// The same for data of any size.
  TokenCache ofAll() {
    return new TokenCache(folder, watch, 0);
  }

  /// Sequences and what is known of their rows.
  record Rows(List<Example> examples, RowFacts facts) {}

  /// The rows of data, from their file or made.
  ///
  /// @param digest of the contents of the data files
  Rows rows(DataSettings data, RowEncoder encoder, String digest) {
    Path file = file(data, encoder, digest);
    Rows kept = file == null ? null : TokenFile.open(file);
    if (kept != null) {
      return kept;
    }
    if (file != null) {
      try {
        Rows made = make(data, encoder, file);
        if (made != null) {
          return made;
        }
      } catch (IOException | UncheckedIOException e) {
        // the folder cannot be written, or the disk is full: a cache is no reason to fail
      }
    }
    return inMemory(data, encoder);
  }

  private Rows inMemory(DataSettings data, RowEncoder encoder) {
    TokenTableBuilder.InMemory ids = new TokenTableBuilder.InMemory();
    TokenTableBuilder table = new TokenTableBuilder(ids);
    RowFacts facts = EncodedRows.read(data, encoder, table, watch);
    return new Rows(table.table(ids.ids()).examples(), facts);
  }

  private @Nullable Rows make(DataSettings data, RowEncoder encoder, Path file) throws IOException {
    Files.createDirectories(file.getParent());
    try (TokenFile.Writer writer = TokenFile.write(file)) {
      TokenTableBuilder table = new TokenTableBuilder(writer);
      RowFacts facts = EncodedRows.read(data, encoder, table, watch);
      writer.finish(table, facts);
    }
    OldTokens.sweep(file);
    return TokenFile.open(file);
  }

  /// The file of these rows; null where none is kept.
  private @Nullable Path file(DataSettings data, RowEncoder encoder, String digest) {
    Map<String, @Nullable Object> rule = encoder.rule();
    if (folder == null || rule == null) {
      return null;
    }
    List<Object> files = new ArrayList<>();
    long bytes = 0;
    try {
      for (SourceFiles.Found found : SourceFiles.of(data.data(), Pick.TRAIN)) {
        long size = Files.size(found.file());
        files.add(List.of(found.file().toString(), size));
        bytes += size;
      }
    } catch (IOException e) {
      return null; // whoever reads the files says what is wrong with them
    }
    if (bytes < leastBytes) {
      return null;
    }
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("version", VERSION);
    all.put("program", TokenCache.class.getPackage().getImplementationVersion());
    all.put("rule", rule);
    all.put("data", data);
    all.put("files", files);
    all.put("digest", digest);
    Sha256 sha = new Sha256();
    sha.update(MemorySegment.ofArray(Json.line(all).getBytes(StandardCharsets.UTF_8)));
    return folder.resolve(sha.hex() + TokenFile.SUFFIX);
  }
}
