package dev.nudge.format;

import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.InvalidAlgorithmParameterException;
import org.jspecify.annotations.Nullable;

/// Describes why a TLS certificate was refused, and the remedy.
public final class Untrusted {
  private Untrusted() {}

  /// Returns the text after `X cannot be reached: `; null if a certificate is not the reason.
  public static @Nullable String why(IOException e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof InvalidAlgorithmParameterException) { // no trusted certificates
        return "no certificate can be read of -Djavax.net.ssl.trustStore; give its password too, by"
            + " -Djavax.net.ssl.trustStorePassword";
      }
    }
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof GeneralSecurityException) { // excludes an interrupted handshake
        return String.valueOf(cause.getMessage()).matches("(?s).*No (name|subject).*")
            ? "its certificate is for another address: " + cause.getMessage()
            : "this Java does not trust its certificate; NUDGE_JAVA_OPTS="
                + "-Djavax.net.ssl.trustStore=FILE says who is trusted";
      }
    }
    return null;
  }
}
