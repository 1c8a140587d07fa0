"""The names of what lies in the folder of an exported model."""

from dl_assets.exporting import certificate, graph, int8, signature
from dl_assets.operations.promotion import folder


def test_operations_look_for_the_files_that_the_export_writes() -> None:
    looked_for = [folder.MODEL, folder.INT8, folder.SIGNATURE, folder.CERTIFICATE]
    assert looked_for == [graph.MODEL, int8.INT8, signature.SIGNATURE, certificate.CERTIFICATE]
