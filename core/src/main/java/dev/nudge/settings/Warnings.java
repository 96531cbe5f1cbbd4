package dev.nudge.settings;

import java.util.ServiceLoader;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.SLF4JServiceProvider;

/// Logs warnings of an application that takes none itself.
///
/// They go to SLF4J's logger `dev.nudge`, so Spring Boot, Logback or Log4j show them as their own.
/// An application without a provider of SLF4J hears nothing, SLF4J's note about that included.
public final class Warnings {
  private Warnings() {}

  /// Takes warnings, one line each, to the log.
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
