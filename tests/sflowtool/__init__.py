"""Tests of sflowtool's text."""
