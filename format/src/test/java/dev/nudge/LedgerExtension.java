package dev.nudge;

import dev.nudge.tensor.Ledger;
import java.util.Map;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;

/// Fails a test after which the ledger holds other bytes than before it; registered for all tests
/// but those of modules whose pom leaves it out (`nudge.extensionsOut`).
public final class LedgerExtension implements BeforeEachCallback, AfterEachCallback {
  private static final Namespace NAMESPACE = Namespace.create(LedgerExtension.class);

  @Override
  public void beforeEach(ExtensionContext context) {
    context.getStore(NAMESPACE).put("before", Ledger.byOwner());
  }

  @Override
  public void afterEach(ExtensionContext context) {
    Map<?, ?> before = context.getStore(NAMESPACE).get("before", Map.class);
    Map<String, Long> after = Ledger.byOwner();
    if (!after.equals(before)) {
      throw new AssertionError(
          "native bytes by owner were " + before + " before the test and are " + after);
    }
  }
}
