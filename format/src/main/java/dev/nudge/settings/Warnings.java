package dev.nudge.settings;

import java.util.ServiceLoader;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.SLF4JServiceProvider;

/// Logs warnings for applications that do not handle them.
///
/// They go to SLF4J's logger `dev.nudge`, so Spring Boot, Logback or Log4j handle them. Without an
/// SLF4J provider they are dropped, and SLF4J's notice about that too.
public final class Warnings {
  private Warnings() {}

  /// Returns a listener that logs each warning, one line each.
  public static Consumer<String> logged() {
    ClassLoader loader = LoggerFactory.class.getClassLoader(); // where SLF4J looks
    boolean silent =
        System.getProperty("slf4j.provider") == null
            && ServiceLoader.load(SLF4JServiceProvider.class, loader).stream().findAny().isEmpty();
    if (silent) {
      return line -> {};
    }
    Logger logger = LoggerFactory.getLogger("dev.nudge");
    return logger::warn;
  }
}
