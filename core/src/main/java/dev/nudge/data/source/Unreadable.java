package dev.nudge.data.source;

import dev.nudge.settings.InputException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;

/// Says in a few words why a file could not be read.
public final class Unreadable {
  private Unreadable() {}

  /// Makes the exception for a file or folder that cannot be read.
  public static InputException of(Object name, IOException e) {
    return new InputException(name + " cannot be read: " + reason(e), e);
  }

  public static String reason(IOException e) {
    String reason =
        switch (e) {
          case AccessDeniedException denied -> "no permission for " + denied.getFile();
          case NoSuchFileException none -> none.getFile() + " is not there";
          case FileSystemLoopException loop -> loop.getFile() + " leads back to a folder above it";
          case EOFException _ -> "it ends too early; is it cut off?";
          case FileSystemException other -> other.getReason();
          default -> e.getMessage();
        };
    return reason == null ? "the system gives no reason" : reason;
  }
}
