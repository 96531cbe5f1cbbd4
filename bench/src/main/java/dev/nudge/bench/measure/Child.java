package dev.nudge.bench.measure;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/// Runs a program to its end and watches its memory.
public final class Child {
  private static final int PERIOD_MILLIS = 15;
  private static final int KILLED = 137;
  private static final int SAVING_SECONDS = 10;

  private Child() {}

  /// A program's outcome.
  ///
  /// @param output standard output and standard error
  /// @param peakAnon peak resident anonymous bytes, sampled every 15 ms
  /// @param peakFile peak resident bytes of mapped files
  /// @param peakGroup peak bytes charged to its cgroup; 0: no cgroup
  /// @param killed whether the cgroup killed it
  public record Ran(
      int exit,
      String output,
      double seconds,
      long peakAnon,
      long peakFile,
      long peakGroup,
      boolean killed) {
    /// The last line that is not empty.
    public String lastLine() {
      return output.lines().filter(l -> !l.isBlank()).reduce((a, b) -> b).orElse("");
    }

    public Ran orThrow() {
      if (exit != 0) {
        throw new IllegalStateException(
            (killed ? "killed in its cgroup" : "exit " + exit) + ":\n" + output);
      }
      return this;
    }
  }

  /// Returns the command that runs a program of this class path in a new JVM.
  ///
  /// @param options of the JVM
  public static List<String> java(List<String> options, Class<?> program, List<String> args) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), program.getName()));
    command.addAll(args);
    return command;
  }

  /// Runs a command in a folder.
  ///
  /// @param limit bytes of a memory cgroup of its own; 0: none
  public static Ran run(List<String> command, Path folder, long limit) {
    if (limit == 0) {
      return run(command, folder, null);
    }
    try (MemoryGroup group = MemoryGroup.of(limit)) {
      return run(command, folder, group);
    }
  }

  private static Ran run(List<String> command, Path folder, @Nullable MemoryGroup group) {
    try {
      long start = System.nanoTime();
      Process process =
          new ProcessBuilder(group == null ? command : group.command(command))
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .start();
      process.getOutputStream().close();
      Thread end = new Thread(() -> stop(process, group)); // neither outlives this JVM
      Runtime.getRuntime().addShutdownHook(end);
      AtomicBoolean over = new AtomicBoolean();
      AtomicLong anon = new AtomicLong();
      AtomicLong file = new AtomicLong();
      Thread watcher =
          Thread.ofPlatform().daemon().start(() -> watch(process.pid(), over, anon, file));
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int exit = process.waitFor();
      double seconds = (System.nanoTime() - start) / 1e9;
      over.set(true);
      watcher.join();
      Runtime.getRuntime().removeShutdownHook(end);
      boolean killed = group != null && (group.killed() || exit == KILLED);
      return new Ran(
          exit,
          output,
          seconds,
          anon.get(),
          file.get(),
          group == null ? 0 : group.peakBytes(),
          killed);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while " + command.getFirst() + " ran", e);
    }
  }

  /// Ends the program with this JVM: a run saves first.
  private static void stop(Process process, @Nullable MemoryGroup group) {
    try {
      process.destroy();
      process.waitFor(SAVING_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    process.destroyForcibly();
    if (group != null) {
      group.close();
    }
  }

  private static void watch(long pid, AtomicBoolean over, AtomicLong anon, AtomicLong file) {
    Path status = Path.of("/proc/" + pid + "/status");
    try {
      while (!over.get() && Files.exists(status)) {
        for (String line : Files.readAllLines(status)) {
          if (line.startsWith("RssAnon:")) {
            anon.accumulateAndGet(bytes(line), Math::max);
          } else if (line.startsWith("RssFile:")) {
            file.accumulateAndGet(bytes(line), Math::max);
          }
        }
        Thread.sleep(PERIOD_MILLIS);
      }
    } catch (IOException e) {
      // exited
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static long bytes(String line) {
    return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
  }

  public static String gib(long bytes) {
    return String.format(Locale.ROOT, "%.2f GiB", bytes / 1073741824.0);
  }
}
