package dev.nudge.format;

import dev.nudge.settings.Nearest;
import dev.nudge.tensor.FileMemory;
import dev.nudge.tensor.Scope;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Maps the weights of a safetensors file, or of a folder with one file or shards and an index.
///
/// Tensors are read-only views of the mapping: nothing is copied, the system reads pages on
/// access, and the ledger does not count them. Headers are checked before anything is mapped
/// ([Header]). If another process truncates the file afterwards, an access ends in a JVM error or,
/// inside native code, in a signal that kills the process: do not rewrite weights in place while
/// they are open.
///
/// Threading: as [WeightFile] says.
public final class SafeTensors implements WeightFile {
  private record Stored(Entry entry, Path file, MemorySegment bytes) {}

  private final Path source;
  private final Scope scope = Scope.open("weights");
  private final TreeMap<String, Stored> tensors = new TreeMap<>();
  private final TreeMap<String, String> metadata = new TreeMap<>();
  private final List<Path> files = new ArrayList<>();
  private @Nullable Path index;

  private SafeTensors(Path source) {
    this.source = source;
  }

  /// Opens a file, or the `model.safetensors` or `model.safetensors.index.json` of a folder.
  ///
  /// @throws InputException if it is missing, truncated or breaks a rule of the format
  public static SafeTensors open(Path fileOrFolder) {
    OutFolder.mend(fileOrFolder);
    var weights = new SafeTensors(fileOrFolder);
    try {
      weights.map(Shards.of(fileOrFolder));
      return weights;
    } catch (IOException e) {
      weights.close();
      throw Shards.unreadable(fileOrFolder, e);
    } catch (RuntimeException | Error e) {
      weights.close();
      throw e;
    }
  }

  private void map(Shards shards) {
    index = shards.files().containsKey(shards.index()) ? null : shards.index();
    for (Map.Entry<Path, TreeSet<String>> shard : shards.files().entrySet()) {
      Path file = shard.getKey();
      Shards.regular(file);
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
        map(file, channel);
      } catch (IOException e) {
        throw Shards.unreadable(file, e);
      }
      files.add(file);
      for (String name : shard.getValue()) {
        Stored stored = tensors.get(name);
        if (stored == null || !stored.file.equals(file)) {
          throw Refusal.of(
              shards.index(),
              "weight_map puts tensor %s in %s, which does not hold it"
                  .formatted(Refusal.quote(name), file.getFileName()));
        }
      }
    }
  }

  private void map(Path file, FileChannel channel) throws IOException {
    long size = channel.size();
    Header header = Header.read(file, channel, size);
    MemorySegment all = FileMemory.map(channel, size, scope.arena());
    MemorySegment data = all.asSlice(header.dataStart());
    for (Header.Slot slot : header.slots()) {
      MemorySegment bytes = data.asSlice(slot.begin(), slot.end() - slot.begin());
      var stored = new Stored(slot.entry(), file, bytes);
      Stored other = tensors.putIfAbsent(slot.entry().name(), stored);
      if (other != null) {
        throw Refusal.of(
            file,
            "tensor %s is in %s too; a name may stand in one file only"
                .formatted(Refusal.quote(slot.entry().name()), other.file.getFileName()));
      }
    }
    header.metadata().forEach(metadata::putIfAbsent);
  }

  @Override
  public Path source() {
    return source;
  }

  @Override
  public NavigableSet<String> names() {
    return Collections.unmodifiableNavigableSet(tensors.navigableKeySet());
  }

  @Override
  public Map<String, String> metadata() {
    return Collections.unmodifiableMap(metadata);
  }

  @Override
  public List<Path> files() {
    return Collections.unmodifiableList(files);
  }

  @Override
  public @Nullable Path index() {
    return index;
  }

  @Override
  public Entry entry(String name) {
    return stored(name).entry;
  }

  @Override
  public Path file(String name) {
    return stored(name).file;
  }

  @Override
  public MemorySegment bytes(String name) {
    return stored(name).bytes;
  }

  private Stored stored(String name) {
    Stored stored = tensors.get(name);
    if (stored == null) {
      throw Refusal.of(
          source, "has no tensor " + Refusal.quote(name) + Nearest.hint(name, tensors.keySet()));
    }
    return stored;
  }

  @Override
  public void close() {
    scope.close();
  }
}
