package dev.nudge.cli.console;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/// Turns Ctrl-C and `kill` into a stop request, so that a training run can save first.
///
/// The first signal only sets a flag: the run finishes its step and saves, and the exit code is 128
/// + the signal's number, as shells expect. A second signal ends the process at once, and one line
/// announces this. When closed, the JVM's default handling applies, with equal codes.
///
/// A hang-up counts as `kill`, unless it is ignored (`nohup`).
///
/// Threading: handlers run on a thread of the JVM; the flag is volatile.
public final class Signals implements AutoCloseable {
  private static final int INT = 2;
  private static final int TERM = 15;

  private final List<Runnable> undo = new ArrayList<>();
  private volatile int received;

  private Signals() {}

  /// Handles signals until the returned object is closed.
  ///
  /// @param callback run once on the first signal
  public static Signals catching(Runnable callback) {
    Signals signals = new Signals();
    signals.handle("INT", INT, callback);
    signals.handle("TERM", TERM, callback);
    signals.handle("HUP", TERM, callback);
    return signals;
  }

  private void handle(String name, int number, Runnable callback) {
    Signal signal;
    @Nullable SignalHandler before;
    try {
      signal = new Signal(name);
      before = Signal.handle(signal, _ -> receive(number, callback));
    } catch (IllegalArgumentException e) {
      return; // this platform has no such signal, or the JVM reserves it
    }
    if (before == null) {
      return;
    }
    if (name.equals("HUP") && before.equals(SignalHandler.SIG_IGN)) {
      Signal.handle(signal, before);
    } else {
      undo.add(() -> Signal.handle(signal, before));
    }
  }

  private void receive(int number, Runnable callback) {
    if (received != 0) {
      new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8)
          .println("\nnudge: stopped at once; what was saved before is kept");
      Runtime.getRuntime().halt(128 + number);
    }
    received = number;
    callback.run();
  }

  /// Whether a stop was requested.
  public boolean stopped() {
    return received != 0;
  }

  /// Returns the exit code of a stopped run: 130 or 143.
  public int exitCode() {
    return 128 + received;
  }

  @Override
  public void close() {
    undo.forEach(Runnable::run);
  }
}
