package dev.nudge.adapter;

import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Names and writes the two files of an adapter folder, as PEFT does; [PeftAdapter] reads them.
///
/// A layer has two tensors: `base_model.model.PATH.lora_A.weight` (rank, in) and
/// `….lora_B.weight` (out, rank), in fp32 whatever the compute type was.
public final class PeftFiles {
  /// The tensors' file in an adapter folder.
  public static final String WEIGHTS = "adapter_model.safetensors";

  private static final String PREFIX = "base_model.model.";
  private static final String A = ".lora_A.weight";
  private static final String B = ".lora_B.weight";

  private PeftFiles() {}

  /// The name of A of the layer at `path`.
  public static String nameOfA(String path) {
    return PREFIX + path + A;
  }

  /// The name of B of the layer at `path`.
  public static String nameOfB(String path) {
    return PREFIX + path + B;
  }

  static boolean isA(String name) {
    return name.startsWith(PREFIX) && name.endsWith(A);
  }

  static boolean isB(String name) {
    return name.startsWith(PREFIX) && name.endsWith(B);
  }

  /// The path of the layer in a tensor's name.
  static String pathOf(String name) {
    return name.substring(PREFIX.length(), name.length() - A.length());
  }

  /// Writes an adapter into `folder`, which is made where it is missing.
  ///
  /// Each file grows beside its target and is renamed over it when both are whole, the config last;
  /// after a failure the folder is as it was.
  ///
  /// @param spec with `all-linear` resolved
  /// @param baseModel the base as the user named it
  /// @param tensors by their names in the file, fp32 or F64
  /// @throws RunException where the disk refuses
  public static void save(Path folder, Lora spec, String baseModel, Map<String, Tensor> tensors) {
    Path config = folder.resolve(PeftConfig.FILE);
    Path temporary = folder.resolve(PeftConfig.FILE + ".tmp");
    List<Path> made = new ArrayList<>();
    boolean done = false;
    try {
      make(folder, made);
      flush(temporary, PeftConfig.write(spec, baseModel));
      weights(folder.resolve(WEIGHTS), tensors);
      Files.move(temporary, config, StandardCopyOption.ATOMIC_MOVE);
      done = true;
    } catch (IOException e) {
      throw new RunException("cannot write %s: %s".formatted(config, reason(e)), e);
    } finally {
      if (!done) {
        clear(temporary, made);
      }
    }
  }

  private static void weights(Path file, Map<String, Tensor> tensors) {
    List<Entry> entries =
        tensors.entrySet().stream()
            .map(e -> Entry.of(e.getKey(), Dtype.F32, e.getValue().shape()))
            .toList();
    try (Scope scope = Scope.open("saving an adapter");
        SafeTensorsWriter writer =
            SafeTensorsWriter.create(file, Map.of("format", "pt"), entries)) {
      tensors.forEach((name, tensor) -> writer.write(name, single(tensor, scope)));
    }
  }

  private static Tensor single(Tensor tensor, Scope scope) {
    if (tensor.dtype() == Dtype.F32) {
      return tensor;
    }
    Tensor copy = scope.tensor(Dtype.F32, tensor.shape());
    for (long i = 0; i < tensor.elements(); i++) {
      copy.put(i, tensor.at(i));
    }
    return copy;
  }

  private static void make(Path folder, List<Path> made) throws IOException {
    Path absolute = folder.toAbsolutePath();
    for (Path p = absolute; p != null && !Files.exists(p); p = p.getParent()) {
      made.add(p);
    }
    Files.createDirectories(absolute);
  }

  private static void flush(Path file, String text) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
  }

  private static void clear(Path temporary, List<Path> made) {
    try {
      Files.deleteIfExists(temporary);
      for (Path folder : made) {
        Files.deleteIfExists(folder);
      }
    } catch (IOException e) {
      // The error that led here says more; what is left is a .tmp file or an empty folder.
    }
  }

  private static String reason(IOException e) {
    return switch (e) {
      case AccessDeniedException _ -> "permission denied";
      case FileAlreadyExistsException _ -> "a file is in the way of the folder";
      default -> String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
    };
  }
}
