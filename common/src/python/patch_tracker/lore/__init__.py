"""Archives by public-inbox, such as lore.kernel.org."""
