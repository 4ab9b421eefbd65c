"""Names of brain MRI series as the vendors' scanners and their users have them."""

# ruff: noqa: E501  (one kind of series a line reads better than a wrapped one)
from __future__ import annotations

# Vendor -> (kind, plane or "3D") -> names to draw from.
SERIES_NAMES: dict[str, dict[tuple[str, str], tuple[str, ...]]] = {
    "GE": {
        ("T1", "3D"): ("Sag 3D BRAVO", "Sag T1 FSPGR 3D", "3D T1 MPRAGE SAG"), ("T1", "sagittal"): ("Sag T1", "SAG T1 FLAIR", "Sag T1 SE"),
        ("T1", "axial"): ("Ax T1", "AX T1 SE", "Ax T1 PRE"), ("T1C", "axial"): ("Ax T1 +C", "AX T1 POST GAD", "+C Ax T1 SE"),
        ("T1C", "coronal"): ("Cor T1 +C", "COR T1 POST"), ("T2", "axial"): ("Ax T2 FRFSE", "AX T2 PROPELLER", "Ax T2 FSE"),
        ("T2", "coronal"): ("Cor T2", "COR T2 FSE"), ("FLAIR", "axial"): ("Ax T2 FLAIR", "AX FLAIR", "Ax T2 FLAIR PROP"),
        ("DWI", "axial"): ("Ax DWI 1000b", "AX DWI ASSET", "DWI b=1000"),
        ("ADC", "axial"): ("ADC (10^-6 mm2/s)", "Apparent Diffusion Coefficient", "Avg ADC"),
    },
    "Siemens": {
        ("T1", "3D"): ("t1_mprage_sag_p2_iso", "t1_mpr_ns_sag_p2"), ("T1", "sagittal"): ("t1_se_sag", "t1_tse_sag_320"),
        ("T1", "axial"): ("t1_se_tra", "t1_fl2d_tra", "t1_tse_tra_p2"), ("T1C", "axial"): ("t1_se_tra_KM", "t1_tse_tra_post contrast", "t1_fl2d_tra +C"),
        ("T1C", "coronal"): ("t1_se_cor_+C", "t1_tse_cor_KM"), ("T2", "axial"): ("t2_tse_tra_p2", "t2_blade_tra", "t2_tse_tra_512"),
        ("T2", "coronal"): ("t2_tse_cor", "t2_tse_cor_p2"), ("FLAIR", "axial"): ("t2_tirm_tra_dark-fluid", "t2_flair_tra_p2", "t2_tirm_tra_dark-fluid_fs"),
        ("DWI", "axial"): ("ep2d_diff_3scan_trace_p2_TRACEW", "resolve_3scan_trace_tra_TRACEW"),
        ("ADC", "axial"): ("ep2d_diff_3scan_trace_p2_ADC", "resolve_3scan_trace_tra_ADC"),
    },
    "Philips": {
        ("T1", "3D"): ("sT1W_3D_TFE", "T1W_3D_TFE SENSE"), ("T1", "sagittal"): ("T1W_SE SAG", "T1W_TSE sag"),
        ("T1", "axial"): ("T1W_SE", "T1W_FFE tra"), ("T1C", "axial"): ("T1W_SE Gd", "T1W_FFE tra +C", "T1W_SE POST"),
        ("T1C", "coronal"): ("T1W_SE cor Gd", "T1W cor +C"), ("T2", "axial"): ("T2W_TSE", "T2W_TSE SENSE", "WIP T2W_TSE tra"),
        ("T2", "coronal"): ("T2W_TSE cor", "T2W cor"), ("FLAIR", "axial"): ("T2W_FLAIR SENSE", "FLAIR_longTR", "T2W_FLAIR"),
        ("DWI", "axial"): ("DWI_SSh SENSE", "DWI b1000", "isoDWI"), ("ADC", "axial"): ("dADC", "dReg - DWI_SSh ADC"),
    },
    "Canon": {
        ("T1", "3D"): ("3D T1 FFE SAG", "SAG T1 FFE3D"), ("T1", "sagittal"): ("SE T1 SAG", "SAG T1"),
        ("T1", "axial"): ("SE T1 AX", "FE T1 AX"), ("T1C", "axial"): ("SE T1 AX CE", "T1 AX GD"),
        ("T1C", "coronal"): ("SE T1 COR CE", "T1 COR GD"), ("T2", "axial"): ("FSE T2 AX", "JET T2 AX"),
        ("T2", "coronal"): ("FSE T2 COR", "T2 COR"), ("FLAIR", "axial"): ("FSE FLAIR AX", "FLAIR AX"),
        ("DWI", "axial"): ("EPI DWI AX b1000", "DWI 1000 ISO"), ("ADC", "axial"): ("ADC AX", "EPI DWI ADC"),
    },
}  # fmt: skip
