package dev.nudge.gguf;

import dev.nudge.settings.InputException;
import dev.nudge.tensor.FileMemory;
import dev.nudge.tensor.Scope;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// A mapped GGUF model: one file, or all parts of a split one (`NAME-00001-of-00003.gguf`).
///
/// The first part has the metadata; each part has its own header and tensors.
///
/// Threading: immutable; any thread may read until it is closed.
public final class GgufFiles implements AutoCloseable {
  private static final Pattern PART = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");
  private static final int MOST_PARTS = 99_999;

  private final Scope scope = Scope.open("weights");
  private final List<Path> files = new ArrayList<>();
  private final Map<String, Stored> tensors = new LinkedHashMap<>();
  private final GgufMetadata metadata;
  private final GgufArchitecture architecture;

  /// A tensor and its mapped bytes.
  public record Stored(GgufTensor tensor, Path file, MemorySegment bytes) {}

  private GgufFiles(Path file, String wanted) {
    try {
      this.metadata = add(file).metadata();
      int parts = metadata.whole("split.count", 0, 0, MOST_PARTS);
      Matcher name = parts > 1 ? first(file, parts) : null;
      this.architecture = GgufConfig.architecture(metadata, wanted);
      if (name != null) {
        addOthers(file, name, parts);
      }
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  /// Opens a GGUF file; given the first part of a split model, opens all parts.
  ///
  /// @throws InputException if it cannot be read, is cut off or breaks a rule of the format
  public static GgufFiles open(Path file) {
    return new GgufFiles(file, "model");
  }

  /// Opens a LoRA file of llama.cpp.
  ///
  /// @throws InputException as [#open]
  public static GgufFiles openAdapter(Path file) {
    return new GgufFiles(file, "adapter");
  }

  private GgufHeader add(Path file) {
    MemorySegment bytes;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      bytes = FileMemory.map(channel, channel.size(), scope.arena());
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read: " + e.getMessage(), e);
    }
    GgufHeader header = GgufHeader.read(file, bytes);
    for (GgufTensor tensor : header.tensors().values()) {
      MemorySegment data = bytes.asSlice(tensor.begin(), tensor.bytes());
      Stored before = tensors.putIfAbsent(tensor.name(), new Stored(tensor, file, data));
      if (before != null) {
        throw GgufError.of(
            file,
            "tensor %s is in %s too"
                .formatted(GgufError.quote(tensor.name()), before.file.getFileName()));
      }
    }
    files.add(file);
    return header;
  }

  /// Checks that a file is the first part of a split model, and parses its name.
  private static Matcher first(Path file, int parts) {
    Matcher name = PART.matcher(file.getFileName().toString());
    if (!name.matches() || Integer.parseInt(name.group(3)) != parts) {
      throw GgufError.of(
          file,
          "is a part of a model in "
              + parts
              + " files; their names have to end in -00001-of-%05d.gguf and so on"
                  .formatted(parts));
    }
    if (Integer.parseInt(name.group(2)) != 1) {
      throw GgufError.of(
          file,
          "is part %s of a model in %s files; give the first, %s"
              .formatted(
                  Integer.parseInt(name.group(2)),
                  parts,
                  file.resolveSibling(part(name, 1, parts))));
    }
    return name;
  }

  private void addOthers(Path file, Matcher name, int parts) {
    for (int i = 2; i <= parts; i++) {
      Path other = file.resolveSibling(part(name, i, parts));
      if (!Files.isRegularFile(other)) {
        throw GgufError.of(
            file, "is the first of " + parts + " files; " + other.getFileName() + " is missing");
      }
      int number = add(other).metadata().whole("split.no", null, 0, MOST_PARTS);
      if (number != i - 1) {
        throw GgufError.of(other, "split.no is " + number + "; by its name it is " + (i - 1));
      }
    }
    int count = metadata.whole("split.tensors.count", tensors.size(), 0, Integer.MAX_VALUE);
    if (count != tensors.size()) {
      throw GgufError.of(
          file, "split.tensors.count is " + count + ", the files hold " + tensors.size());
    }
  }

  private static String part(Matcher name, int i, int parts) {
    return String.format(Locale.ROOT, "%s-%05d-of-%05d.gguf", name.group(1), i, parts);
  }

  public GgufMetadata metadata() {
    return metadata;
  }

  public GgufArchitecture architecture() {
    return architecture;
  }

  /// All parts, the first one first.
  public List<Path> files() {
    return Collections.unmodifiableList(files);
  }

  /// Returns the tensors of all parts by GGUF's names, in the order of the files.
  public Map<String, Stored> tensors() {
    return Collections.unmodifiableMap(tensors);
  }

  /// Returns a tensor by GGUF's name; null: absent.
  public @Nullable Stored find(String name) {
    return tensors.get(name);
  }

  /// Unmaps the files.
  @Override
  public void close() {
    scope.close();
  }
}
