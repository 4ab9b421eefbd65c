"""Label files that public test sets are published with, one's own tables, and one spelling for study ids."""

from itemclip_med.labels.cq500 import CQ500_FINDINGS, read_cq500_reads
from itemclip_med.labels.ct_rate import CT_RATE_FINDINGS, read_ct_rate_labels
from itemclip_med.labels.ids import (
    ID_NORMALIZERS,
    normalize_cq500_id,
    normalize_ct_rate_id,
    normalize_plain_id,
    normalize_pub_brain_5_id,
    normalize_rad_chestct_id,
    normalize_rsna_id,
)
from itemclip_med.labels.pub_brain_5 import PUB_BRAIN_5_FINDINGS, read_pub_brain_5
from itemclip_med.labels.rad_chestct import RAD_CHESTCT_FINDINGS, read_rad_chestct_labels
from itemclip_med.labels.readers import LABEL_READERS, read_csv_labels, read_labels
from itemclip_med.labels.rsna import RSNA_FINDINGS, read_rsna_slices, read_rsna_studies
from itemclip_med.labels.tables import Labels, id_column_of, read_table

__all__ = [
    "CQ500_FINDINGS",
    "CT_RATE_FINDINGS",
    "ID_NORMALIZERS",
    "LABEL_READERS",
    "Labels",
    "PUB_BRAIN_5_FINDINGS",
    "RAD_CHESTCT_FINDINGS",
    "RSNA_FINDINGS",
    "id_column_of",
    "normalize_cq500_id",
    "normalize_ct_rate_id",
    "normalize_plain_id",
    "normalize_pub_brain_5_id",
    "normalize_rad_chestct_id",
    "normalize_rsna_id",
    "read_cq500_reads",
    "read_csv_labels",
    "read_ct_rate_labels",
    "read_labels",
    "read_pub_brain_5",
    "read_rad_chestct_labels",
    "read_rsna_slices",
    "read_rsna_studies",
    "read_table",
]
